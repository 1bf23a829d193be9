//! Codes and grants in this dialect's words: what is ill-formed, what is flawed, and what stays unspent.

use claviger_tests::{
    TestServer,
    aws::{Client, Code, DEVICE_CODE},
    http::Response,
    oauth::{Oauth, client, redemption, tokens},
    pkce,
    server::REDIRECT_URI,
};
use serde_json::json;

/// A server, a client that keeps a secret, and a code for it.
async fn scene() -> (TestServer, Client, Code) {
    let server = TestServer::start().await;
    let client = server.oauth().register(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    (server, client, code)
}

async fn redeem_by(oauth: &Oauth, client: &Client, code: &Code, verifier: &str) -> Response {
    let code = Code {
        verifier: verifier.to_owned(),
        ..code.clone()
    };
    oauth.redeem(client, &code).await
}

#[tokio::test]
async fn aut_04_an_ill_formed_verifier_redeems_nothing() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    for ill in [
        "x",
        &"x".repeat(42),
        &"x".repeat(129),
        &"ä".repeat(43),
        &format!("{}=", pkce::VERIFIER),
        &"x y".repeat(20),
    ] {
        let answer = redeem_by(&oauth, &client, &code, ill).await;
        answer.assert_oauth_error(400, "invalid_request");
    }
    assert_eq!(server.rows().code_failures(), 0, "ill-formed has no effect");
    let mut absent = redemption(&code).to_vec();
    absent.retain(|(name, _)| *name != "code_verifier");
    let empty = [&absent[..], &[("code_verifier", "")]].concat();
    for (number, fields) in (1..).zip([absent, empty]) {
        let answer = oauth.ask("/token", &client, &fields).await;
        answer.assert_oauth_error(400, "invalid_request");
        assert_eq!(server.rows().code_failures(), number, "absent is counted");
    }
    tokens(&oauth.redeem(&client, &code).await);
}

#[tokio::test]
async fn aut_05_five_wrong_verifiers_burn_a_code() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    let wrong = "x".repeat(43);
    for number in 1..=5 {
        let answer = redeem_by(&oauth, &client, &code, &wrong).await;
        answer.assert_oauth_error(400, "invalid_grant");
        assert_eq!(server.rows().code_failures(), number);
    }
    let answer = oauth.redeem(&client, &code).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().sessions(), 0);
}

#[tokio::test]
async fn aut_10_a_flawed_replay_ends_nothing() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    let held = tokens(&oauth.redeem(&client, &code).await);
    let other = oauth.register(REDIRECT_URI).await;
    let before = server.rows().everything();
    let elsewhere = Code {
        redirect_uri: "http://127.0.0.1:2/oauth/callback".to_owned(),
        ..code.clone()
    };
    for answer in [
        redeem_by(&oauth, &client, &code, &"y".repeat(43)).await,
        oauth.redeem(&client, &elsewhere).await,
        oauth.redeem(&other, &code).await,
    ] {
        answer.assert_oauth_error(400, "invalid_grant");
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&oauth.refresh(&client, held.refresh_token()).await);
}

#[tokio::test]
async fn tok_04_a_grant_type_is_spelled_exactly() {
    let (server, client, code) = scene().await;
    let before = server.rows().everything();
    for (grant, error) in [
        ("AUTHORIZATION_CODE", "unsupported_grant_type"),
        (" authorization_code", "unsupported_grant_type"),
        ("authorization_code ", "unsupported_grant_type"),
        ("authorization_code refresh_token", "unsupported_grant_type"),
        ("code", "unsupported_grant_type"),
        ("", "invalid_request"),
    ] {
        let mut fields = redemption(&code).to_vec();
        fields.retain(|(name, _)| *name != "grant_type");
        fields.push(("grant_type", grant));
        let answer = server.oauth().ask("/token", &client, &fields).await;
        answer.assert_oauth_error(400, error);
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&server.oauth().redeem(&client, &code).await);
}

#[tokio::test]
async fn tok_05_a_client_without_the_grant_spends_nothing() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let registered = async |grant: &str| {
        let mut body = Oauth::registration(REDIRECT_URI, "client_secret_basic");
        body["grant_types"] = json!([grant]);
        client(&oauth.register_with(&body).await)
    };
    let codes = registered("authorization_code").await;
    let devices = registered(DEVICE_CODE).await;
    let code = server.code_for(&codes).await;
    let device = oauth.start_device(&devices).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let before = server.rows().everything();
    for answer in [
        oauth.poll(&codes, &device).await,
        oauth.refresh(&codes, "anything").await,
        oauth.redeem(&devices, &code).await,
        oauth.refresh(&devices, "anything").await,
        // What the client may not do is told before what is missing.
        oauth
            .ask("/token", &codes, &[("grant_type", DEVICE_CODE)])
            .await,
    ] {
        answer.assert_oauth_error(400, "unauthorized_client");
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&oauth.redeem(&codes, &code).await);
    tokens(&oauth.poll(&devices, &device).await);
}

/// Settled: only what belongs to the named grant counts, and nothing is tried instead of it.
#[tokio::test]
async fn tok_06_parameters_of_another_grant_are_left_aside_and_unspent() {
    let (server, client, earlier) = scene().await;
    let oauth = server.oauth();
    let held = tokens(&oauth.redeem(&client, &earlier).await);
    let code = server.code_for(&client).await;
    let device = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let ask = async |grant: &'static str, refresh_token: &str| {
        let mut fields = redemption(&code).to_vec();
        fields.retain(|(name, _)| *name != "grant_type");
        fields.extend([
            ("grant_type", grant),
            ("device_code", &device.device_code),
            ("refresh_token", refresh_token),
        ]);
        oauth.ask("/token", &client, &fields).await
    };
    let rows = server.rows();
    let unspent = "SELECT count(*) FROM auth_codes WHERE sid IS NULL";
    let answer = ask("refresh_token", "broken").await;
    answer.assert_oauth_error(400, "invalid_grant");
    tokens(&ask("refresh_token", held.refresh_token()).await);
    assert_eq!((rows.sessions(), rows.generation()), (1, 2));
    assert_eq!(rows.device_state(), "approved");
    tokens(&ask(DEVICE_CODE, held.refresh_token()).await);
    assert_eq!((rows.sessions(), rows.count(unspent)), (2, 1));
    tokens(&ask("authorization_code", held.refresh_token()).await);
    assert_eq!((rows.sessions(), rows.count(unspent)), (3, 0));
    assert_eq!(rows.live_sessions(), 3);
}
