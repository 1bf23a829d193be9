//! OpenID Connect: ID tokens, and what the `userinfo` endpoint tells. Here and in `authentication`, `prompt`,
//! `redemption`, `claims` and `discovery` each test names its section of OpenID Connect Core or of Discovery.

use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, Code, authorize_query},
    http::{Request, Response, parameter},
    oauth::{Oauth, client, tokens},
    pkce,
    server::REDIRECT_URI,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

pub(super) const EVERYTHING: &str = "openid profile email groups";

/// A client that may ask for all claims.
pub(super) async fn registered(server: &TestServer) -> Client {
    let mut body = Oauth::registration(REDIRECT_URI, "client_secret_basic");
    body["scope"] = json!(format!("{EVERYTHING} {ACCOUNT_ACCESS}"));
    client(&server.oauth().register_with(&body).await)
}

/// A sound request for these scopes, with further parameters.
pub(super) fn asking(client: &Client, scope: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut query = authorize_query(client, REDIRECT_URI);
    query.retain(|(name, _)| name != "scopes");
    let more = [("scope", scope)].into_iter().chain(more.iter().copied());
    query.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    query
}

/// The code in an answer to the client.
#[track_caller]
pub(super) fn code_in(back: &Response) -> Code {
    let location = back.header("location").expect("a way back");
    Code {
        code: parameter(location, "code").expect("a code"),
        redirect_uri: REDIRECT_URI.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    }
}

/// A code for these scopes, with further parameters.
pub(super) async fn code(
    server: &TestServer,
    client: &Client,
    scope: &str,
    more: &[(&str, &str)],
) -> Code {
    let mut browser = server.browser_of("alice").await;
    let page = browser.authorize(&asking(client, scope, more)).await;
    code_in(&browser.consent(&page, "Allow").await)
}

/// The claims of the ID token in an answer, which must be signed by a key that the server tells, for that client.
pub(super) async fn claims(server: &TestServer, client: &Client, answer: &Response) -> Value {
    let token = answer.member("id_token");
    let told = server.send(Request::get("/jwks")).await;
    let keys: JwkSet = serde_json::from_value(told.json()).expect("keys");
    let header = decode_header(&token).expect("a header");
    assert_eq!(header.alg, Algorithm::ES256);
    let key = keys.find(&header.kid.expect("a kid")).expect("its key");
    let key = DecodingKey::from_jwk(key).expect("a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[&client.id]);
    validation.set_issuer(&[server.context.links.issuer()]);
    // The server's clock is the kit's.
    validation.validate_exp = false;
    let decoded = decode::<Value>(&token, &key, &validation);
    decoded.expect("a sound token").claims
}

pub(super) async fn userinfo(server: &TestServer, access: &str) -> Response {
    let request = Request::get("/userinfo").header("Authorization", format!("Bearer {access}"));
    server.send(request).await
}

pub(super) fn now(server: &TestServer) -> i64 {
    server.context.now().epoch_seconds()
}

#[tokio::test]
async fn core_2_core_3_1_3_3_an_id_token_says_who_for_whom_and_when() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let signed_in_at = now(&server);
    let code = code(&server, &client, EVERYTHING, &[("nonce", "n-0S6_WzA2Mj")]).await;
    server.clock.advance(7);
    let answer = server.oauth().redeem(&client, &code).await;
    let claims = claims(&server, &client, &answer).await;
    assert_eq!(claims["nonce"], json!("n-0S6_WzA2Mj"));
    assert_eq!(claims["auth_time"], json!(signed_in_at));
    assert_eq!(claims["iat"], json!(now(&server)));
    assert_eq!(claims["exp"], json!(now(&server) + 3600));
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["sub"].as_str().map(str::len), Some(32));
    assert_eq!(claims["name"], json!("ALICE Example"));
    assert_eq!(claims["preferred_username"], json!("alice"));
    assert_eq!(claims["email"], json!("alice@example.org"));
    assert_eq!(claims["email_verified"], json!(true));
    assert_eq!(claims["groups"], json!(["readers"]));
}

#[tokio::test]
async fn core_5_3_1_core_5_3_2_userinfo_tells_the_same_of_the_same_person() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, EVERYTHING, &[]).await;
    let answer = server.oauth().redeem(&client, &code).await;
    let claims = claims(&server, &client, &answer).await;
    assert_eq!(claims.get("nonce"), None, "none was sent: {claims}");
    let access = tokens(&answer).access;
    let told = userinfo(&server, &access).await;
    told.assert_status(200);
    assert_eq!(told.header("cache-control"), Some("no-store"));
    let expected = json!({
        "sub": claims["sub"],
        "name": "ALICE Example",
        "preferred_username": "alice",
        "email": "alice@example.org",
        "email_verified": true,
        "groups": ["readers"],
    });
    assert_eq!(told.json(), expected);
    let post = Request::post("/userinfo").header("Authorization", format!("bearer {access}"));
    assert_eq!(server.send(post).await.json(), expected);
}

#[tokio::test]
async fn core_5_4_each_scope_tells_its_own_and_no_more() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    for (scope, expected) in [
        ("openid", vec![]),
        ("openid profile", vec!["name", "preferred_username"]),
        ("openid email", vec!["email", "email_verified"]),
        ("openid groups", vec!["groups"]),
        // They add up, in any order.
        (
            "email openid profile",
            vec!["name", "preferred_username", "email", "email_verified"],
        ),
        (
            "groups email openid",
            vec!["email", "email_verified", "groups"],
        ),
    ] {
        let code = code(&server, &client, scope, &[]).await;
        let answer = server.oauth().redeem(&client, &code).await;
        let told = userinfo(&server, &tokens(&answer).access).await.json();
        let token = claims(&server, &client, &answer).await;
        for name in [
            "name",
            "preferred_username",
            "email",
            "email_verified",
            "groups",
        ] {
            let wanted = expected.contains(&name);
            assert_eq!(told.get(name).is_some(), wanted, "{scope}: {told}");
            assert_eq!(token.get(name).is_some(), wanted, "{scope}: {token}");
        }
    }
}

#[tokio::test]
async fn core_3_1_2_1_openid_asks_for_an_id_token_and_nothing_else_does() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, "profile sso:account:access", &[]).await;
    let answer = server.oauth().redeem(&client, &code).await;
    assert_eq!(answer.json().get("id_token"), None, "{answer}");
    let told = userinfo(&server, &tokens(&answer).access).await;
    told.assert_oauth_challenge(403, "insufficient_scope");
}

/// Whoever sends no token is told how to send one, and of no mistake (RFC 6750 §3.1).
#[track_caller]
pub(super) fn assert_unasked(answer: &Response) {
    answer.assert_status(401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer"),
        "{answer}"
    );
}

#[tokio::test]
async fn core_5_3_3_a_token_that_is_none_is_told_so() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, EVERYTHING, &[]).await;
    let held = tokens(&server.oauth().redeem(&client, &code).await);
    for token in ["x", "cva1.AAAA", held.refresh_token(), &client.secret] {
        let told = userinfo(&server, token).await;
        told.assert_oauth_challenge(401, "invalid_token");
    }
    let bare = server.send(Request::get("/userinfo")).await;
    assert_unasked(&bare);
    let basic = Request::get("/userinfo").header("Authorization", "Basic eDp5");
    let basic = server.send(basic).await;
    assert_unasked(&basic);
    let twice = Request::get("/userinfo")
        .header("Authorization", format!("Bearer {}", held.access))
        .header("Authorization", "Bearer x");
    server
        .send(twice)
        .await
        .assert_oauth_error(400, "invalid_request");
    let query = Request::get(format!("/userinfo?access_token={}", held.access));
    let query = server.send(query).await;
    assert_unasked(&query);
    server.clock.advance(3600);
    let late = userinfo(&server, &held.access).await;
    late.assert_oauth_challenge(401, "invalid_token");
}

#[tokio::test]
async fn core_12_2_a_refresh_gives_one_of_the_same_sign_in_without_a_nonce() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, EVERYTHING, &[("nonce", "once")]).await;
    let first = server.oauth().redeem(&client, &code).await;
    server.clock.advance(1800);
    let held = tokens(&first);
    let second = server.oauth().refresh(&client, held.refresh_token()).await;
    let (first, second) = (
        claims(&server, &client, &first).await,
        claims(&server, &client, &second).await,
    );
    for name in ["iss", "sub", "aud", "auth_time", "email"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert_eq!(second["iat"], json!(now(&server)));
    assert_eq!(second.get("nonce"), None);
}

#[tokio::test]
async fn rfc_8628_a_device_gets_one_as_well() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let device = server.oauth().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    // However often its answer is delivered.
    for _ in 0..2 {
        let answer = server.oauth().poll(&client, &device).await;
        let claims = claims(&server, &client, &answer).await;
        assert_eq!(claims["email"], json!("alice@example.org"));
    }
}

#[tokio::test]
async fn ref_16_userinfo_is_a_use_of_the_token() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, EVERYTHING, &[]).await;
    let first = tokens(&server.oauth().redeem(&client, &code).await);
    let next = server.oauth().refresh(&client, first.refresh_token()).await;
    userinfo(&server, &tokens(&next).access)
        .await
        .assert_status(200);
    server.clock.advance(300);
    let answer = server.oauth().refresh(&client, first.refresh_token()).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().end_reason(), "refresh_reuse");
}
