//! The wire shape of R's paws (WIRE §9), which no registry here holds: spoken by hand, through
//! registration, start and each grant.
//!
//! paws says `application/x-amz-json-1.1` even on GET, signs what needs no signature or sends an
//! empty `Authorization` with `X-Amz-Date`, leaves NULLs out, sends `scope` as a list, takes the
//! exception's name from the header without cutting at `#`, and its text from a lower-case
//! `message` alone.

use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, DEVICE_CODE, Tokens, client, redemption},
    http::{Request, Response},
    server::REDIRECT_URI,
};
use serde_json::{Value, json};

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20270115/us-east-1/sso-oauth/aws4_request, \
     SignedHeaders=content-type;host;x-amz-date, \
     Signature=9f2b7b6c2a3de5b5b5b0a9c1c1f6bb8ad9b1f0cf6c54d0d9c6f6f3f4a1b2c3d4";

/// What paws adds to every request: signed, or anonymous.
fn paws(request: Request, authorization: &str) -> Request {
    request
        .header("Accept", "application/json, text/xml, application/xml, */*")
        .header("Accept-Encoding", "deflate, gzip, br, zstd")
        .header("Content-Type", "application/x-amz-json-1.1")
        .header("User-Agent", "paws/0.9.0 (R4.4.1; linux-gnu; x86_64)")
        .header("X-Amz-Date", "20270115T080000Z")
        .header("Authorization", authorization)
}

async fn call(server: &TestServer, authorization: &str, path: &str, body: &Value) -> Response {
    server
        .send(paws(Request::post(path), authorization).body(body.to_string()))
        .await
}

/// What paws makes of an error: its code and its message.
fn error_of(response: &Response) -> (u16, String, String) {
    let code = response.header("x-amzn-errortype").unwrap_or_default();
    assert!(!code.contains([':', '#']), "{response}");
    let message = response
        .json()
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    assert!(!message.is_empty(), "{response}");
    (response.status.as_u16(), code.to_owned(), message)
}

/// One session of an R user under one way to authorize, from registration to logout.
async fn speak(authorization: &str) {
    let server = TestServer::start().await;
    let post = async |path: &str, body: Value| call(&server, authorization, path, &body).await;

    let body = json!({
        "clientName": "r-session",
        "clientType": "public",
        "scopes": [ACCOUNT_ACCESS],
        "redirectUris": [REDIRECT_URI],
        "grantTypes": [DEVICE_CODE, "authorization_code", "refresh_token"],
        "issuerUrl": server.aws().start_url(),
    });
    let client: Client = client(&post("/client/register", body).await);

    let started = post(
        "/device_authorization",
        client.with(json!({ "startUrl": server.aws().start_url() })),
    )
    .await;
    started.assert_status(200);
    let poll = client
        .with(json!({ "grantType": DEVICE_CODE, "deviceCode": started.member("deviceCode") }));
    let (status, code, message) = error_of(&post("/token", poll.clone()).await);
    assert_eq!(
        (status, code.as_str()),
        (400, "AuthorizationPendingException")
    );
    assert_eq!(message, "Authorization is still pending");
    let approved = server
        .browser_of("alice")
        .await
        .approve(&started.member("userCode"))
        .await;
    approved.assert_status(303);
    let tokens = Tokens::of(&post("/token", poll).await);

    let refresh = |token: &str| {
        client.with(json!({
            "grantType": "refresh_token",
            "refreshToken": token,
            "scope": [ACCOUNT_ACCESS],
        }))
    };
    let refreshed = Tokens::of(&post("/token", refresh(tokens.refresh_token())).await);
    assert_ne!(refreshed.refresh, tokens.refresh);
    let (status, code, message) = error_of(&post("/token", refresh("nonsense")).await);
    assert_eq!((status, code.as_str()), (400, "InvalidGrantException"));
    assert_eq!(message, "Invalid refresh token provided");

    let redeemable = server.code_for(&client).await;
    Tokens::of(&post("/token", client.with(redemption(&redeemable))).await);
    let stranger = Client {
        secret: "nonsense".to_owned(),
        ..client.clone()
    };
    let (status, code, _) = error_of(&post("/token", stranger.with(redemption(&redeemable))).await);
    assert_eq!((status, code.as_str()), (401, "InvalidClientException"));
    at_the_portal(&server, authorization, &refreshed).await;
}

/// The portal's calls, whose GETs carry a content type as well.
async fn at_the_portal(server: &TestServer, authorization: &str, tokens: &Tokens) {
    let get = async |target: &str, token: &str| {
        let request = paws(Request::get(target), authorization);
        server
            .send(request.header("x-amz-sso_bearer_token", token))
            .await
    };
    get("/assignment/accounts", &tokens.access)
        .await
        .assert_status(200);
    let roles = get("/assignment/roles?account_id=111122223333", &tokens.access).await;
    roles.assert_status(200);
    let target = "/federation/credentials?role_name=Developer&account_id=111122223333";
    get(target, &tokens.access).await.assert_status(200);
    let (status, code, message) = error_of(&get("/assignment/accounts", "nonsense").await);
    assert_eq!((status, code.as_str()), (401, "UnauthorizedException"));
    // paws offers to log in again only when it reads these words.
    assert!(
        message.contains("Session token not found or invalid"),
        "{message}"
    );
    let logout = paws(Request::post("/logout"), authorization);
    let logout = logout
        .header("x-amz-sso_bearer_token", &tokens.access)
        .body("{}");
    server.send(logout).await.assert_status(200);
    get("/assignment/accounts", &tokens.access)
        .await
        .assert_status(401);
}

#[tokio::test]
async fn paws_signs_every_call_and_is_served() {
    speak(SIGNED).await;
}

#[tokio::test]
async fn paws_without_credentials_sends_an_empty_authorization_and_is_served() {
    speak("").await;
}
