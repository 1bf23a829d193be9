//! What the answers of this dialect promise in their headers, and what headers cannot change.

use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, Code, DEVICE_CODE, Tokens},
    http::{Request, Response},
    oauth::{Oauth, basic, device as started_device, redemption, tokens},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

use super::{metadata::PATHS, signed_in};
use crate::hdr::claiming;

/// A form of a client that shows itself.
fn form(oauth: &Oauth, client: &Client, path: &str, fields: &[(&str, &str)]) -> Request {
    oauth
        .form(path, fields)
        .header("Authorization", basic(client))
}

/// A call of each endpoint that is served, and some that are refused, each with its status.
fn calls(oauth: &Oauth, client: &Client, held: &Tokens, code: &Code) -> Vec<(Request, u16)> {
    let registration = Oauth::registration(REDIRECT_URI, "none");
    let own = |path: &str, fields: &[(&str, &str)]| form(oauth, client, path, fields);
    let bearer =
        |token: &str| Request::get("/userinfo").header("Authorization", format!("Bearer {token}"));
    let token = [("token", held.access.as_str())];
    let text = |path: &str| Request::post(path).header("Content-Type", "text/plain");
    vec![
        (Request::post("/register").json(&registration), 201),
        (Request::post("/register").json(&json!({})), 400),
        (text("/register"), 415),
        (Request::get("/register"), 405),
        (own("/device_authorization", &[]), 200),
        (own("/device_authorization", &[("scope", "x")]), 400),
        (oauth.form("/device_authorization", &[]), 401),
        (own("/token", &redemption(code)), 200),
        (own("/token", &[("grant_type", "password")]), 400),
        (oauth.form("/token", &redemption(code)), 401),
        (own("/introspect", &token), 200),
        (own("/introspect", &[("token", "x")]), 200),
        (oauth.form("/introspect", &token), 401),
        (text("/introspect"), 415),
        (Request::get("/introspect"), 405),
        (bearer(&held.access), 200),
        (bearer("x"), 401),
        (Request::new("PUT", "/userinfo"), 405),
        (own("/revoke", &[]), 400),
        (oauth.form("/revoke", &token), 401),
        (text("/revoke"), 415),
        (Request::get("/revoke"), 405),
        (own("/revoke", &token), 200),
    ]
}

/// A session whose access token may know who it is about, and another code.
async fn scene() -> (TestServer, Client, Tokens, Code) {
    let (server, client, _) = signed_in().await;
    let oauth = server.oauth();
    let device = oauth.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let held = tokens(&oauth.poll(&client, &device).await);
    let code = server.code_for(&client).await;
    (server, client, held, code)
}

#[track_caller]
fn assert_plain(target: &str, answer: &Response) {
    for (header, value) in [
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{target}: {answer}");
    }
    assert_eq!(answer.values("set-cookie"), Vec::<&str>::new(), "{target}");
    // No other site's script may read it.
    let mut names = answer.headers.iter().map(|(name, _)| name.to_lowercase());
    let shared = names.find(|name| name.starts_with("access-control-"));
    assert_eq!(shared, None, "{target}: {answer}");
}

#[tokio::test]
async fn hdr_06_answers_are_json_that_nobody_keeps() {
    let (server, client, held, code) = scene().await;
    for (request, status) in calls(&server.oauth(), &client, &held, &code) {
        let target = request.target().to_owned();
        // What a browser would bring along changes nothing.
        let request = request
            .header("Origin", "https://evil.example")
            .header("Cookie", "claviger_session=x");
        let answer = server.oauth().send(request).await;
        answer.assert_status(status);
        assert_plain(&target, &answer);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
    // What is public is kept for a while, and is as plain.
    for path in PATHS.into_iter().chain(["/jwks"]) {
        let answer = server.send(Request::get(path)).await;
        answer.assert_status(200);
        assert_plain(path, &answer);
        let kept = answer.header("cache-control");
        assert_eq!(kept, Some("public, max-age=900"), "{path}");
    }
}

#[tokio::test]
async fn tok_11_no_other_origin_may_read_or_ask() {
    let (server, client, held, code) = scene().await;
    let issuer = server.context.links.issuer();
    let paths = [
        "/register",
        "/device_authorization",
        "/token",
        "/introspect",
        "/revoke",
        "/userinfo",
        "/jwks",
    ];
    for path in paths.into_iter().chain(PATHS) {
        for origin in ["https://evil.example", "null", issuer] {
            let preflight = Request::new("OPTIONS", path)
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization")
                .header("Content-Type", "application/x-www-form-urlencoded");
            let answer = server.send(preflight).await;
            assert!(answer.status.is_client_error(), "{path}: {answer}");
            let mut names = answer.headers.iter().map(|(name, _)| name.to_lowercase());
            assert!(
                !names.any(|name| name.starts_with("access-control-")),
                "{answer}"
            );
        }
    }
    for (request, status) in calls(&server.oauth(), &client, &held, &code) {
        let target = request.target().to_owned();
        let answer = server.oauth().send(request.header("Origin", issuer)).await;
        assert_plain(&target, answer.assert_status(status));
    }
}

#[tokio::test]
async fn hdr_04_no_header_changes_what_clients_are_told_of_addresses() {
    for trusting in [false, true] {
        let builder = TestServer::builder().public_url("https://sso.example.org");
        let builder = if trusting {
            builder.trusting("127.0.0.1/32")
        } else {
            builder
        };
        let server = builder.start().await;
        let oauth = server.oauth();
        let client = oauth.register(REDIRECT_URI).await;
        for path in PATHS {
            let plain = server.send(Request::get(path)).await;
            let claimed = server.send(claiming(Request::get(path))).await;
            assert_eq!(claimed.body, plain.body);
            assert_eq!(claimed.json()["issuer"], json!("https://sso.example.org"));
        }
        let start = form(&oauth, &client, "/device_authorization", &[]);
        let started = oauth.send(claiming(start)).await;
        let device = started_device(&started);
        let link = format!(
            "https://sso.example.org/device?user_code={}",
            device.user_code
        );
        assert_eq!(device.link, link);
        let address = started.member("verification_uri");
        assert_eq!(address, "https://sso.example.org/device");
        let mut browser = server.browser_of("alice").await;
        browser.approve(&device.user_code).await.assert_status(303);
        let grant = ("grant_type", DEVICE_CODE);
        let poll = [grant, ("device_code", &device.device_code)];
        let polled = oauth
            .send(claiming(form(&oauth, &client, "/token", &poll)))
            .await;
        let held = tokens(&polled);
        assert_eq!(polled.member("scope"), format!("openid {ACCOUNT_ACCESS}"));
        let token = [("token", held.access.as_str())];
        let look = form(&oauth, &client, "/introspect", &token);
        let told = oauth.send(claiming(look)).await;
        assert_eq!(told.json()["iss"], json!("https://sso.example.org"));
        let id_token = polled.member("id_token");
        let claims: Value = jsonwebtoken::dangerous::insecure_decode(&id_token)
            .expect("a token")
            .claims;
        assert_eq!(claims["iss"], json!("https://sso.example.org"));
    }
}
