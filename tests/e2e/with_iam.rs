//! CreateTokenWithIAM by boto3: a machine key from the command line, every grant, credentials from moto.
//! And a job that has no key at all.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_tests::{
    http::Request,
    instance::{PASSWORD, Service},
    issuer::FakeIssuer,
    room::Room,
};
use serde_json::json;

use crate::parts::{self, Moto};

/// A service with an application, a target and an issuer that it trusts.
fn service(moto: &Moto, issuer: &FakeIssuer) -> Service {
    let mut service = Service::init();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(issuer.certificate())
    );
    service.room.write("issuer.pem", &pem);
    let configuration = format!(
        r#"
[targets.aws]
endpoint = "{}"
access_key_id = "test"
secret_access_key = "test"

[issuers.fake]
url = "{}"
ca_file = "issuer.pem"
private = true

[applications.reports]
title = "Reports"
grants = ["authorization_code", "refresh_token", "jwt_bearer", "token_exchange"]
scopes = ["sso:account:access", "openid"]
redirect_uris = ["https://reports.example.org/callback"]
audiences = {{ fake = ["reports"] }}

[workloads.deploy]
issuer = "fake"
claims = {{ repository = "acme/shop", ref = "refs/heads/main" }}
user = "alice"
"#,
        moto.url, issuer.url
    );
    service.room.write("claviger.toml", &configuration);
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    service
}

/// Seconds since 1970: the story plays now.
#[expect(
    clippy::disallowed_methods,
    reason = "the issuer is a server of its own"
)]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time").as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_makes_the_signed_calls_of_all_four_grants_and_draws_credentials_with_each() {
    let room = Room::new();
    let (moto, issuer) = (Moto::start(&room), FakeIssuer::start().await);
    let service = service(&moto, &issuer);
    let made = service.admin(&[
        "machine",
        "create",
        "reports",
        "--config",
        "claviger.toml",
        "--json",
    ]);
    made.assert_code(0);
    let machine = made.json();
    let _running = service.serve().await;
    let now = now();
    let assertion = issuer.sign(&json!({
        "iss": issuer.url, "sub": "alice", "aud": "reports", "jti": "of-the-story",
        "iat": now, "exp": now + 300,
    }));
    let about = json!({
        "issuer": service.issuer(), "region": "us-east-1", "user": "alice", "password": PASSWORD,
        "machine": machine, "assertion": assertion, "sts": moto.url,
    });
    let mut python = parts::python(&service.room, "with_iam.py", &[]);
    python.env("CLAVIGER_ABOUT", about.to_string());
    parts::succeed(&mut python);
    // What is stopped signs nothing, from the moment that the command answers.
    let key = machine["access_key_id"].as_str().expect("a key");
    service.admin(&["machine", "disable", key]).assert_code(0);
    let listed = service.admin(&["machine", "list", "--json"]).json();
    assert_eq!(listed["machines"][0]["state"], "disabled");
    let mut python = parts::python(&service.room, "with_iam.py", &["--disabled"]);
    python.env("CLAVIGER_ABOUT", about.to_string());
    parts::succeed(&mut python);
}

/// As docs/workloads.md tells it, with a token that the issuer signs as a platform does.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_secret_draws_credentials_with_the_aws_cli() {
    let room = Room::new();
    let (moto, issuer) = (Moto::start(&room), FakeIssuer::start().await);
    let service = service(&moto, &issuer);
    let _running = service.serve().await;
    let now = now();
    let assertion = issuer.sign(&json!({
        "iss": issuer.url, "sub": "repo:acme/shop", "aud": service.issuer(), "jti": "of-the-job",
        "repository": "acme/shop", "ref": "refs/heads/main", "iat": now, "exp": now + 300,
    }));
    let members = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion,
    });
    let answer = service
        .link()
        .send(&Request::post("/token").json(&members))
        .await;
    let token = answer.assert_status(200).member("accessToken");
    let arguments = [
        "sso",
        "get-role-credentials",
        "--endpoint-url",
        &service.issuer(),
        "--region",
        "us-east-1",
        "--no-sign-request",
        "--account-id",
        "111122223333",
        "--role-name",
        "Developer",
        "--access-token",
        &token,
    ];
    let drawn = parts::succeed(&mut parts::aws_cli(&service.room, &arguments)).json();
    let key = drawn["roleCredentials"]["accessKeyId"].as_str();
    assert!(key.is_some_and(|key| key.starts_with("ASIA")), "{drawn}");
}
