//! The token endpoint as OpenID Connect Core §3.1.3 wants it, and the ID token of §2 that it gives.

use claviger_tests::{
    TestServer,
    aws::{Client, Code},
    http::{Request, Response, encode_form},
    oauth::{redemption, tokens},
    server::{REDIRECT_URI, password_of},
};
use jsonwebtoken::decode_header;
use serde_json::json;

use super::openid::{EVERYTHING, asking, claims, code, code_in, registered};

/// A server, a client that may ask for all claims, and a code for its ID token.
async fn scene() -> (TestServer, Client, Code) {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, "openid", &[]).await;
    (server, client, code)
}

#[tokio::test]
async fn tok_07_core_3_1_3_1_tokens_are_asked_for_by_a_form_that_is_posted() {
    let (server, client, code) = scene().await;
    let before = server.rows().everything();
    let own = [
        ("client_id", client.id.as_str()),
        ("client_secret", &client.secret),
    ];
    let fields = [&redemption(&code)[..], &own].concat();
    let owned: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let request = Request::new(method, "/token").form(&owned);
        let answer = server.send(request).await;
        answer.assert_status(405);
        assert_eq!(answer.header("allow"), Some("POST"), "{answer}");
    }
    let in_address = Request::post(format!("/token?{}", encode_form(&owned))).form(&[]);
    let answer = server.send(in_address).await;
    answer.assert_oauth_error(400, "invalid_request");
    assert_eq!(server.rows().everything(), before);
    let answer = server.oauth().post("/token", &fields).await;
    claims(&server, &client, &answer).await;
}

#[tokio::test]
async fn aut_06_core_3_1_3_2_a_code_is_its_own_clients() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    let other = registered(&server).await;
    let public = oauth.register_public(REDIRECT_URI).await;
    let posing = Client {
        id: client.id.clone(),
        secret: other.secret.clone(),
    };
    let before = server.rows().everything();
    for (who, status, error) in [
        (&other, 400, "invalid_grant"),
        (&public, 400, "invalid_grant"),
        (&posing, 401, "invalid_client"),
    ] {
        for _ in 0..6 {
            let answer = oauth.redeem(who, &code).await;
            answer.assert_oauth_error(status, error);
        }
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&oauth.redeem(&client, &code).await);
}

#[tokio::test]
async fn aut_09_core_3_1_3_2_a_code_lives_sixty_seconds() {
    let (server, client, late) = scene().await;
    server.clock.advance(60);
    let answer = server.oauth().redeem(&client, &late).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().sessions(), 0);
    let code = code(&server, &client, "openid", &[]).await;
    server.clock.advance(59);
    tokens(&server.oauth().redeem(&client, &code).await);
}

#[tokio::test]
async fn core_3_1_3_2_the_redirect_uri_is_that_of_the_request() {
    let (server, client, code) = scene().await;
    for (other, error) in [
        ("http://127.0.0.1:49153/oauth/callback", "invalid_grant"),
        ("http://127.0.0.1:49152/oauth/callback/", "invalid_grant"),
        ("", "invalid_request"),
    ] {
        let elsewhere = Code {
            redirect_uri: other.to_owned(),
            ..code.clone()
        };
        let answer = server.oauth().redeem(&client, &elsewhere).await;
        answer.assert_oauth_error(400, error);
    }
    tokens(&server.oauth().redeem(&client, &code).await);
}

#[tokio::test]
async fn tok_12_core_3_1_3_3_the_answer_is_whole_and_nobody_keeps_it() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    let assert_whole = |answer: &Response| {
        answer.assert_status(200);
        let told = answer.json();
        let told = told.as_object().expect("an object");
        let mut names: Vec<&str> = told.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "access_token",
            "expires_in",
            "id_token",
            "refresh_token",
            "scope",
            "token_type",
        ];
        assert_eq!(names, expected, "{answer}");
        assert_eq!(answer.member("token_type"), "Bearer");
        assert_eq!(told["expires_in"], json!(3600));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    };
    let first = oauth.redeem(&client, &code).await;
    assert_whole(&first);
    assert_eq!(first.member("scope"), "openid");
    let held = tokens(&first);
    assert_whole(&oauth.refresh(&client, held.refresh_token()).await);
    let device = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    assert_whole(&oauth.poll(&client, &device).await);
}

/// As RFC 6749 §5.2 spells it.
#[tokio::test]
async fn core_3_1_3_4_an_error_is_two_members_in_plain_letters() {
    let (server, client, code) = scene().await;
    let oauth = server.oauth();
    let wrong = Client {
        id: client.id.clone(),
        secret: "x".to_owned(),
    };
    let unknown = Code {
        code: "\"\\ä".to_owned(),
        ..code.clone()
    };
    let elsewhere = [("grant_type", "\"\\ä")];
    for (answer, status, error) in [
        (oauth.redeem(&wrong, &code).await, 401, "invalid_client"),
        (oauth.redeem(&client, &unknown).await, 400, "invalid_grant"),
        (
            oauth.ask("/token", &client, &elsewhere).await,
            400,
            "unsupported_grant_type",
        ),
        (
            oauth.ask("/token", &client, &[]).await,
            400,
            "invalid_request",
        ),
    ] {
        answer.assert_oauth_error(status, error);
        let told = answer.json();
        let told = told.as_object().expect("an object");
        assert_eq!(told.len(), 2, "{answer}");
        let because = answer.member("error_description");
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        assert!(because.bytes().all(plain), "{answer}");
    }
}

#[tokio::test]
async fn core_2_core_3_1_3_6_an_id_token_is_signed_and_brings_no_key_of_its_own() {
    let (server, client, code) = scene().await;
    let answer = server.oauth().redeem(&client, &code).await;
    // By a key that the server tells, for this client; the others are none.
    let claims = claims(&server, &client, &answer).await;
    assert_eq!(claims["aud"], json!(client.id));
    assert_eq!(claims.get("azp"), None, "there is one audience: {claims}");
    let token = answer.member("id_token");
    assert_eq!(token.split('.').count(), 3);
    assert!(token.split('.').all(|part| !part.is_empty()), "unsigned");
    let header = decode_header(&token).expect("a header");
    assert_eq!(header.jku, None);
    assert_eq!(header.x5u, None);
    assert_eq!(header.x5c, None);
    assert!(header.jwk.is_none());
    assert!(header.kid.is_some());
    for name in ["iat", "exp", "auth_time"] {
        assert!(claims[name].is_u64(), "{name}: {claims}");
    }
    // What is not known is not there (§5.3.2 says it of userinfo).
    let mut values = claims.as_object().expect("claims").values();
    assert!(values.all(|value| !value.is_null() && value != ""));
}

/// Subjects are public: one word for one person, to every client.
#[tokio::test]
async fn core_2_core_8_a_subject_is_one_person_and_always_the_same() {
    let (server, client, code) = scene().await;
    let other = registered(&server).await;
    let subject = async |client: &Client, code: &Code| {
        let answer = server.oauth().redeem(client, code).await;
        let subject = claims(&server, client, &answer).await["sub"].clone();
        subject.as_str().expect("a text").to_owned()
    };
    let alice = subject(&client, &code).await;
    assert!(
        alice.is_ascii() && (1..=255).contains(&alice.len()),
        "{alice}"
    );
    assert!(!alice.contains("alice"));
    let again = super::openid::code(&server, &other, EVERYTHING, &[]).await;
    assert_eq!(subject(&other, &again).await, alice);
    let mut browser = server.browser();
    let signed_in = browser.sign_in("bob", password_of("bob")).await;
    signed_in.assert_status(303);
    let page = browser.authorize(&asking(&client, "openid", &[])).await;
    let code = code_in(&browser.consent(&page, "Allow").await);
    assert_ne!(subject(&client, &code).await, alice);
}
