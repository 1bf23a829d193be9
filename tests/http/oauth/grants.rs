//! The grants in this dialect's words.

use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, DEVICE_CODE},
    oauth::{client, device, redemption, tokens},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_device_signs_in() {
    // Polls are paced by each node for itself.
    let server = TestServer::start_alone().await;
    let oauth = server.oauth();
    let client = oauth.register_public(REDIRECT_URI).await;
    let answer = oauth.ask("/device_authorization", &client, &[]).await;
    let started = answer.json();
    let device = device(&answer);
    let issuer = server.context.links.issuer();
    assert_eq!(
        answer.member("verification_uri"),
        format!("{issuer}/device")
    );
    assert_eq!(
        device.link,
        format!("{issuer}/device?user_code={}", device.user_code)
    );
    assert_eq!(
        (&started["expires_in"], &started["interval"]),
        (&json!(600), &json!(1))
    );
    // A bucket of five, then less often.
    for _ in 0..5 {
        let answer = oauth.poll(&client, &device).await;
        answer.assert_oauth_error(400, "authorization_pending");
    }
    let answer = oauth.poll(&client, &device).await;
    answer.assert_oauth_error(400, "slow_down");
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let answer = oauth.poll(&client, &device).await;
    let held = tokens(&answer);
    assert_eq!(answer.member("scope"), format!("openid {ACCOUNT_ACCESS}"));
    assert_eq!(held.expires_in, 3600);
    assert!(held.access.starts_with("cva1.") && held.refresh_token().starts_with("cvr1."));
    // What it opens is the same.
    let accounts = server.aws().list_accounts(&held.access).await;
    accounts.assert_status(200);
}

#[tokio::test]
async fn a_device_is_told_how_it_ends() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let client = oauth.register(REDIRECT_URI).await;
    let denied = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.deny(&denied.user_code).await.assert_status(303);
    let answer = oauth.poll(&client, &denied).await;
    answer.assert_oauth_error(400, "access_denied");
    let late = oauth.start_device(&client).await;
    server.clock.advance(601);
    let answer = oauth.poll(&client, &late).await;
    answer.assert_oauth_error(400, "expired_token");
    let other = oauth.register(REDIRECT_URI).await;
    let device = oauth.start_device(&client).await;
    let answer = oauth.poll(&other, &device).await;
    answer.assert_oauth_error(400, "invalid_grant");
    let missing = oauth
        .ask("/token", &client, &[("grant_type", DEVICE_CODE)])
        .await;
    missing.assert_oauth_error(400, "invalid_request");
    assert!(
        missing.text().contains("device_code is missing"),
        "{missing}"
    );
}

#[tokio::test]
async fn rfc_8628_3_1_a_device_may_ask_for_less() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let client = oauth.register(REDIRECT_URI).await;
    let wider = oauth
        .ask(
            "/device_authorization",
            &client,
            &[("scope", "openid email")],
        )
        .await;
    wider.assert_oauth_error(400, "invalid_scope");
    let answer = oauth
        .ask("/device_authorization", &client, &[("scope", "openid")])
        .await;
    let device = device(&answer);
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let answer = oauth.poll(&client, &device).await;
    assert_eq!(answer.member("scope"), "openid");
    let accounts = server.aws().list_accounts(&tokens(&answer).access).await;
    accounts.assert_error(403, "ForbiddenException");
}

#[tokio::test]
async fn ref_01_a_refresh_rotates_and_an_old_token_ends_the_session() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let client = oauth.register(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    let first = tokens(&oauth.redeem(&client, &code).await);
    let second = tokens(&oauth.refresh(&client, first.refresh_token()).await);
    server.clock.advance(600);
    let third = tokens(&oauth.refresh(&client, second.refresh_token()).await);
    server.clock.advance(3600);
    let answer = oauth.refresh(&client, first.refresh_token()).await;
    answer.assert_oauth_error(400, "invalid_grant");
    let answer = oauth.refresh(&client, third.refresh_token()).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().end_reason(), "refresh_reuse");
}

/// RFC 6749 §4.1.2, OpenID Connect Core §3.1.3.2.
#[tokio::test]
async fn aut_05_aut_07_a_code_is_redeemed_once_by_whoever_asked_for_it() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let client = oauth.register_public(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    for (name, value, error) in [
        ("code_verifier", Some("x".repeat(43)), "invalid_grant"),
        ("code_verifier", None, "invalid_request"),
        ("redirect_uri", None, "invalid_request"),
        ("code", Some("cvz1.x".to_owned()), "invalid_grant"),
    ] {
        let mut fields = redemption(&code).to_vec();
        fields.retain(|(own, _)| *own != name);
        fields.extend(value.as_deref().map(|value| (name, value)));
        let answer = oauth.ask("/token", &client, &fields).await;
        answer.assert_oauth_error(400, error);
    }
    let held = tokens(&oauth.redeem(&client, &code).await);
    let again = oauth.redeem(&client, &code).await;
    again.assert_oauth_error(400, "invalid_grant");
    let answer = oauth.refresh(&client, held.refresh_token()).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().end_reason(), "code_replay");
}

#[tokio::test]
async fn tok_04_tok_05_a_client_has_what_it_registered() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let body = json!({ "redirect_uris": [REDIRECT_URI], "scope": ACCOUNT_ACCESS });
    let client = client(&oauth.register_with(&body).await);
    let code = server.code_for(&client).await;
    let answer = oauth.redeem(&client, &code).await;
    // Nobody who did not ask for it has something to keep.
    assert_eq!(tokens(&answer).refresh, None, "{answer}");
    let refreshing = oauth.refresh(&client, "anything").await;
    refreshing.assert_oauth_error(400, "unauthorized_client");
    let device = oauth.ask("/device_authorization", &client, &[]).await;
    device.assert_oauth_error(400, "unauthorized_client");
    for grant in [
        "password",
        "REFRESH_TOKEN",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let answer = oauth.ask("/token", &client, &[("grant_type", grant)]).await;
        answer.assert_oauth_error(400, "unsupported_grant_type");
    }
    let answer = oauth.ask("/token", &client, &[]).await;
    answer.assert_oauth_error(400, "invalid_request");
    assert!(answer.text().contains("grant_type is missing"), "{answer}");
}

#[tokio::test]
async fn a_narrower_scope_narrows_the_access_token() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let client = oauth.register(REDIRECT_URI).await;
    let device = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let held = tokens(&oauth.poll(&client, &device).await);
    let narrow = |scope: &'static str| {
        [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", held.refresh_token().to_owned()),
            ("scope", scope.to_owned()),
        ]
    };
    let ask = async |scope| {
        let fields = narrow(scope);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        oauth.ask("/token", &client, &fields).await
    };
    ask("openid email")
        .await
        .assert_oauth_error(400, "invalid_scope");
    let answer = ask("openid").await;
    assert_eq!(
        answer.json().get("scope").and_then(Value::as_str),
        Some("openid")
    );
    let accounts = server.aws().list_accounts(&tokens(&answer).access).await;
    accounts.assert_error(403, "ForbiddenException");
}
