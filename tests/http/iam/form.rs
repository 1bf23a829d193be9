//! The grants of applications and workloads by a form: no signature, the same judgement.

use claviger_model::{
    application::{Attribute, IssuerRules},
    client::{Authentication, Dialect},
    secret::Secret,
    time::Lifetime,
};
use claviger_tests::{
    TestServer,
    aws::Client,
    http::Request,
    issuer::FakeIssuer,
    oauth::{Shown, tokens},
    seed::{self, SANDBOX},
};
use serde_json::{Value, json};

use super::{
    issuer::{claims, name, trusting},
    machine::{Machine, server, text},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const SECRET: &str = "of-reports-0123456789-0123456789";

/// The application of the seed by its name and a secret.
fn reports() -> Client {
    Client {
        id: "reports".to_owned(),
        secret: SECRET.to_owned(),
    }
}

/// A server whose application signs or shows its secret, as it likes, and may present what `issuer` says.
async fn server_with_a_secret(issuer: &FakeIssuer) -> TestServer {
    let trusted = trusting(issuer, true);
    let builder = TestServer::builder().policy(|policy| {
        let mut application = seed::application();
        application.metadata.authentication = Authentication::Secret;
        application.metadata.dialect = Dialect::Oauth;
        application.client_secret = Some(Secret::from(SECRET));
        policy.applications.push(application);
        let rules = IssuerRules {
            claim: "sub".to_owned(),
            attribute: Attribute::UserName,
            longest_life: Lifetime::minutes(10),
            single_use: true,
            audience: None,
        };
        policy.issuers.insert(name(), rules);
    });
    let server = builder.world(|world| world.issuers(trusted)).start().await;
    server.secrets().add(SECRET);
    server
}

#[tokio::test]
async fn fed_13_the_word_of_an_issuer_is_taken_once_by_a_form_as_well() {
    let issuer = FakeIssuer::start().await;
    let server = server_with_a_secret(&issuer).await;
    let assertion = issuer.sign(&claims(&issuer, &server));
    let fields = [("grant_type", JWT_BEARER), ("assertion", &assertion)];
    // Of a client that is nobody it is not even looked at.
    let nobody = Client {
        secret: "another".to_owned(),
        ..reports()
    };
    let refused = server.oauth().ask("/token", &nobody, &fields).await;
    refused.assert_oauth_error(401, "invalid_client");
    let answer = server.oauth().ask("/token", &reports(), &fields).await;
    let held = tokens(&answer);
    let credentials = server
        .aws()
        .role_credentials(&held.access, SANDBOX, "Developer")
        .await;
    credentials.assert_status(200);
    // How they signed in is the issuer's knowledge.
    let told = answer.member("id_token");
    let told = jsonwebtoken::dangerous::insecure_decode::<Value>(&told)
        .expect("a token")
        .claims;
    assert_eq!((&told["aud"], told.get("amr")), (&json!("reports"), None));
    let again = server.oauth().ask("/token", &reports(), &fields).await;
    again.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().sessions(), 1);
    server.finish().await;
}

#[tokio::test]
async fn tok_08_what_is_begun_by_a_form_is_finished_by_a_signed_call_and_the_other_way_round() {
    let issuer = FakeIssuer::start().await;
    let server = server_with_a_secret(&issuer).await;
    let machine = Machine::new(&server).await;
    let signed = machine.sign_in(&server).await;
    let asked = [
        ("grant_type", EXCHANGE),
        ("subject_token", text(&signed, "accessToken")),
        ("subject_token_type", ACCESS),
    ];
    let child = tokens(&server.oauth().ask("/token", &reports(), &asked).await);
    assert_eq!(child.refresh, None);
    server.clock.advance(1);
    let held = server
        .oauth()
        .refresh(&reports(), text(&signed, "refreshToken"))
        .await;
    let held = tokens(&held);
    server.clock.advance(1);
    let back = json!({ "grantType": "refresh_token", "refreshToken": held.refresh_token() });
    machine.ask(&server, back).await.assert_status(200);
    server.finish().await;
}

#[tokio::test]
async fn tok_02_an_application_that_only_signs_is_nobody_in_a_form() {
    let server = server().await;
    let machine = Machine::new(&server).await;
    let signed = machine.sign_in(&server).await;
    let before = server.rows().everything();
    for id in ["reports", &machine.client_id] {
        for (secret, shown) in [
            ("", Shown::None),
            (&*machine.secret, Shown::Post),
            (&*machine.secret, Shown::Basic),
        ] {
            let client = Client {
                id: id.to_owned(),
                secret: secret.to_owned(),
            };
            let fields = [
                ("grant_type", "refresh_token"),
                ("refresh_token", text(&signed, "refreshToken")),
            ];
            let answer = server
                .oauth()
                .post_as("/token", &client, shown, &fields)
                .await;
            answer.assert_oauth_error(401, "invalid_client");
            let token = [("token", text(&signed, "accessToken"))];
            let answer = server
                .oauth()
                .post_as("/revoke", &client, shown, &token)
                .await;
            answer.assert_oauth_error(401, "invalid_client");
        }
    }
    assert_eq!(server.rows().everything(), before);
    server.finish().await;
}

#[tokio::test]
async fn fed_13_an_assertion_alone_is_a_workloads_and_with_a_client_the_clients() {
    let issuer = FakeIssuer::start().await;
    let server = server_with_a_secret(&issuer).await;
    // No workload is configured: alone, the token of a person's issuer opens nothing.
    let mut for_us = claims(&issuer, &server);
    for_us["aud"] = json!(server.context.links.issuer());
    let assertion = issuer.sign(&for_us);
    let fields = [
        ("grant_type", JWT_BEARER),
        ("assertion", assertion.as_str()),
    ];
    let alone = server.oauth().post("/token", &fields).await;
    alone.assert_oauth_error(400, "invalid_grant");
    let half = [fields[0], fields[1], ("client_id", "reports")];
    let answer = server.oauth().post("/token", &half).await;
    answer.assert_oauth_error(401, "invalid_client");
    let form = server.oauth().form("/token", &fields);
    let bearer: Request = form.header("Authorization", "Bearer x");
    server
        .send(bearer)
        .await
        .assert_oauth_error(401, "invalid_client");
    assert_eq!(server.rows().sessions(), 0);
    server.finish().await;
}
