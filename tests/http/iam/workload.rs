//! Workloads: a token of the platform and nothing else, for what one principal of the directory has.

use std::collections::BTreeMap;

use claviger_engine::{admin, policy::Policy};
use claviger_model::{
    application::{ApplicationName, Attribute, IssuerRules, Workload},
    directory::UserName,
    time::Lifetime,
};
use claviger_tests::{
    TestServer, html,
    http::{Request, Response},
    issuer::FakeIssuer,
    seed::{PRODUCTION, SANDBOX},
};
use serde_json::{Value, json};

use super::{
    issuer::{name, trusting},
    machine::text,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn workload(called: &str, claims: &[(&str, &str)], user: &str) -> Workload {
    let owned = claims
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Workload {
        name: ApplicationName::parse(called).expect("a name"),
        issuer: name(),
        claims: owned.collect::<BTreeMap<_, _>>(),
        user: UserName::parse(user).expect("a name"),
    }
}

/// A server for which jobs on the main branch of a repository are bob, and those of a namespace alice.
async fn server(issuer: &FakeIssuer, single_use: bool) -> TestServer {
    let rules = IssuerRules {
        claim: "sub".to_owned(),
        attribute: Attribute::UserName,
        longest_life: Lifetime::minutes(10),
        single_use,
        audience: Some("claviger".to_owned()),
    };
    let change = |policy: &mut Policy| {
        policy.issuers.insert(name(), rules);
        let main = [("repository", "acme/shop"), ("ref", "refs/heads/main")];
        policy.workloads = vec![
            workload("deploy", &main, "bob"),
            workload("shop", &[("kubernetes.io/namespace", "shop")], "alice"),
            workload("gone", &[("repository", "acme/gone")], "nobody"),
        ];
    };
    let trusted = trusting(issuer, true);
    let builder = TestServer::builder().policy(change);
    builder.world(|world| world.issuers(trusted)).start().await
}

fn claims(issuer: &FakeIssuer, server: &TestServer, more: &Value) -> Value {
    let now = server.context.now().epoch_seconds();
    let mut claims = json!({
        "iss": issuer.url, "sub": "repo:acme/shop:ref:refs/heads/main", "aud": "claviger",
        "jti": server.context.request_id().map(|byte| byte.to_string()).concat(),
        "iat": now, "exp": now + 300,
    });
    for (name, value) in more.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

fn main_branch() -> Value {
    json!({ "repository": "acme/shop", "ref": "refs/heads/main" })
}

async fn present(server: &TestServer, assertion: &str, scope: &[&str]) -> Response {
    server.secrets().add(assertion);
    let members = json!({ "grantType": GRANT, "assertion": assertion, "scope": scope });
    server.send(Request::post("/token").json(&members)).await
}

#[tokio::test]
async fn a_job_draws_what_its_principal_has_and_nothing_else() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, true).await;
    let answer = present(
        &server,
        &issuer.sign(&claims(&issuer, &server, &main_branch())),
        &[],
    )
    .await;
    let tokens = answer.assert_status(200).json();
    assert_eq!(
        (&tokens["refreshToken"], &tokens["expiresIn"]),
        (&Value::Null, &json!(3600))
    );
    let (aws, token) = (server.aws(), text(&tokens, "accessToken"));
    aws.role_credentials(token, PRODUCTION, "Admin")
        .await
        .assert_status(200);
    aws.role_credentials(token, SANDBOX, "Developer")
        .await
        .assert_error(403, "ForbiddenException");
    let records = server.rows().audit();
    let last = records.last().expect("a record");
    assert_eq!(
        (
            last.action.as_str(),
            last.actor.as_str(),
            last.client.as_deref()
        ),
        ("credentials.issue", "bob", Some("deploy"))
    );
    let page = server.browser_of("bob").await.get("/sessions").await;
    let told = html::text(page.text());
    assert!(
        told.contains("deploy") && !told.contains("unverified"),
        "{told}"
    );
    // Another platform's claims, in an object.
    let pod = json!({ "kubernetes.io": { "namespace": "shop" } });
    let tokens = present(&server, &issuer.sign(&claims(&issuer, &server, &pod)), &[]).await;
    let tokens = tokens.assert_status(200).json();
    aws.role_credentials(text(&tokens, "accessToken"), SANDBOX, "Developer")
        .await
        .assert_status(200);
    // Its login lasts as long as its token.
    server.clock.advance(3600);
    assert!(
        admin::session::list(&server.context, None)
            .await
            .expect("a list")
            .is_empty()
    );
    server.finish().await;
}

#[tokio::test]
async fn por_09_a_job_can_ask_for_less_and_not_for_more() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, true).await;
    let role = format!("sso:account:{SANDBOX}:ReadOnly");
    let assertion = || issuer.sign(&claims(&issuer, &server, &main_branch()));
    let less = present(&server, &assertion(), &[&role])
        .await
        .assert_status(200)
        .json();
    let (aws, token) = (server.aws(), text(&less, "accessToken"));
    aws.role_credentials(token, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    aws.role_credentials(token, PRODUCTION, "Admin")
        .await
        .assert_error(403, "ForbiddenException");
    for more in ["openid", "sso-portal:*"] {
        let answer = present(&server, &assertion(), &[more]).await;
        answer.assert_error(400, "InvalidScopeException");
    }
    server.finish().await;
}

#[tokio::test]
async fn fed_13_other_jobs_other_audiences_and_used_tokens_are_refused() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, true).await;
    let both = json!({
        "repository": "acme/shop", "ref": "refs/heads/main", "kubernetes.io": { "namespace": "shop" },
    });
    for (why, more) in [
        (
            "another branch",
            json!({ "repository": "acme/shop", "ref": "refs/heads/mine" }),
        ),
        (
            "another repository",
            json!({ "repository": "mallory/shop", "ref": "refs/heads/main" }),
        ),
        ("no branch", json!({ "repository": "acme/shop" })),
        (
            "a list",
            json!({ "repository": ["acme/shop"], "ref": "refs/heads/main" }),
        ),
        ("two workloads", both),
        (
            "a user who is not there",
            json!({ "repository": "acme/gone" }),
        ),
        (
            "another audience",
            json!({ "repository": "acme/shop", "ref": "refs/heads/main", "aud": "other" }),
        ),
        (
            "too long",
            json!({ "repository": "acme/shop", "ref": "refs/heads/main", "exp": server.context.now().epoch_seconds() + 601 }),
        ),
        (
            "no id",
            json!({ "repository": "acme/shop", "ref": "refs/heads/main", "jti": "" }),
        ),
    ] {
        let answer = present(&server, &issuer.sign(&claims(&issuer, &server, &more)), &[]).await;
        assert_eq!(answer.status, 400, "{why}: {answer}");
        answer.assert_error(400, "InvalidGrantException");
        assert_eq!(server.rows().sessions(), 0, "{why}");
    }
    let assertion = issuer.sign(&claims(&issuer, &server, &main_branch()));
    present(&server, &assertion, &[]).await.assert_status(200);
    present(&server, &assertion, &[])
        .await
        .assert_error(400, "InvalidGrantException");
    admin::user::disable(&server.context, "bob")
        .await
        .expect("disabled");
    let another = issuer.sign(&claims(&issuer, &server, &main_branch()));
    present(&server, &another, &[])
        .await
        .assert_error(400, "InvalidGrantException");
    server.finish().await;
}

#[tokio::test]
async fn where_tokens_are_files_they_may_be_presented_again() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, false).await;
    let mut claims = claims(&issuer, &server, &main_branch());
    claims.as_object_mut().expect("claims").remove("jti");
    let assertion = issuer.sign(&claims);
    for _ in 0..2 {
        present(&server, &assertion, &[]).await.assert_status(200);
    }
    server.finish().await;
}

#[tokio::test]
async fn a_workload_brings_no_client_and_a_client_no_assertion() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, true).await;
    let assertion = issuer.sign(&claims(&issuer, &server, &main_branch()));
    server.secrets().add(&assertion);
    let missing = json!({ "grantType": GRANT });
    let answer = server.send(Request::post("/token").json(&missing)).await;
    answer.assert_error(400, "InvalidRequestException");
    let client = server.aws().register().await;
    let both = client.with(json!({ "grantType": GRANT, "assertion": assertion }));
    let answer = server.send(Request::post("/token").json(&both)).await;
    answer.assert_error(400, "UnsupportedGrantTypeException");
    let half = json!({ "grantType": GRANT, "assertion": assertion, "clientId": client.id });
    let answer = server.send(Request::post("/token").json(&half)).await;
    answer.assert_error(400, "InvalidRequestException");
    present(&server, &assertion, &[]).await.assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn a_job_may_ask_by_a_form() {
    let issuer = FakeIssuer::start().await;
    let server = server(&issuer, true).await;
    let assertion = issuer.sign(&claims(&issuer, &server, &main_branch()));
    let role = format!("sso:account:{SANDBOX}:ReadOnly");
    let fields = [
        ("grant_type", GRANT),
        ("assertion", &assertion),
        ("scope", &role),
    ];
    let answer = server.oauth().post("/token", &fields).await;
    let held = claviger_tests::oauth::tokens(&answer);
    assert_eq!((held.refresh, answer.member("scope")), (None, role.clone()));
    let aws = server.aws();
    aws.role_credentials(&held.access, SANDBOX, "ReadOnly")
        .await
        .assert_status(200);
    aws.role_credentials(&held.access, PRODUCTION, "Admin")
        .await
        .assert_error(403, "ForbiddenException");
    let again = server.oauth().post("/token", &fields).await;
    again.assert_oauth_error(400, "invalid_grant");
    server.finish().await;
}
