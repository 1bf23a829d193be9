//! The form of a request: method, media type, where parameters may stand, and other origins.

use claviger_tests::{
    TestServer,
    aws::Tokens,
    http::{Request, encode_form},
};
use serde_json::json;

const PATHS: [&str; 3] = ["/token", "/client/register", "/device_authorization"];

#[tokio::test]
async fn tok_07_other_methods_and_media_types_are_refused() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    let (client, token) = (&signed_in.client, signed_in.tokens.refresh_token());
    let fields = [
        ("grantType", "refresh_token"),
        ("grant_type", "refresh_token"),
        ("clientId", &client.id),
        ("clientSecret", &client.secret),
        ("refreshToken", token),
        ("refresh_token", token),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = client.with(json!({ "grantType": "refresh_token", "refreshToken": token }));
    let before = server.rows().everything();
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        let answer = server
            .send(Request::new(method, "/token").json(&body))
            .await;
        answer.assert_status(405);
        assert_eq!(answer.header("allow"), Some("POST"), "{answer}");
    }
    for kind in [
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
        "text/json",
        "application/jsonp",
    ] {
        let request = Request::post("/token")
            .header("Content-Type", kind)
            .body(body.to_string());
        server
            .send(request)
            .await
            .assert_error(415, "InvalidRequestException");
    }
    // A form is the other dialect, where whoever says `clientId` has not said who they are.
    server
        .send(Request::post("/token").form(&fields))
        .await
        .assert_oauth_error(401, "invalid_client");
    // Twice is no type at all, whichever would be taken.
    let twice = Request::post("/token")
        .header("Content-Type", "text/plain")
        .json(&body);
    server
        .send(twice)
        .await
        .assert_error(415, "InvalidRequestException");
    let query = format!("/token?{}", encode_form(&fields));
    for request in [
        Request::post(query.clone()).json(&json!({})),
        Request::post(query.clone()).header("Content-Type", "application/json"),
        Request::post(query).json(&client.with(json!({ "grantType": "refresh_token" }))),
    ] {
        server
            .send(request)
            .await
            .assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.rows().everything(), before);
    // The scanner looks for what the query held when the server goes.
    server.secrets().add(&client.secret);
    server.secrets().add(token);
}

#[tokio::test]
async fn tok_07_parameters_of_the_media_type_do_not_matter() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    let body = signed_in.client.with(json!({
        "grantType": "refresh_token",
        "refreshToken": signed_in.tokens.refresh_token(),
    }));
    for kind in [
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
        Some("application/x-amz-json-1.1"),
        None,
    ] {
        let request = Request::post("/token").body(body.to_string());
        let request = match kind {
            Some(kind) => request.header("Content-Type", kind),
            None => request,
        };
        Tokens::of(&server.send(request).await);
    }
}

#[tokio::test]
async fn tok_07_the_signed_call_is_never_served_as_the_unsigned_one() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    let body = signed_in.client.with(json!({
        "grantType": "refresh_token",
        "refreshToken": signed_in.tokens.refresh_token(),
    }));
    let before = server.rows().everything();
    for query in [
        "aws_iam=t",
        "aws_iam=T",
        "aws_iam",
        "aws_iam=t&aws_iam=t",
        "x=1&aws_iam=t",
        "AWS_IAM=t",
        "aws%5Fiam=t",
    ] {
        let answer = server
            .send(Request::post(format!("/token?{query}")).json(&body))
            .await;
        answer.assert_error(403, "MissingAuthenticationTokenException");
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn tok_11_no_other_origin_may_read_or_ask() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    let mut paths = PATHS.to_vec();
    paths.extend([
        "/assignment/accounts",
        "/assignment/roles",
        "/federation/credentials",
        "/logout",
    ]);
    for path in paths {
        for origin in [
            "https://evil.example",
            "null",
            server.context.links.issuer(),
        ] {
            let preflight = Request::new("OPTIONS", path)
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header(
                    "Access-Control-Request-Headers",
                    "content-type,x-amz-sso_bearer_token",
                );
            let mut answers = vec![server.send(preflight).await];
            assert!(answers.iter().all(|answer| answer.status.is_client_error()));
            let body = signed_in
                .client
                .with(json!({ "startUrl": server.aws().start_url() }));
            let method = if PATHS.contains(&path) { "POST" } else { "GET" };
            let request = Request::new(method, path).header("Origin", origin);
            let request = request.header("x-amz-sso_bearer_token", &signed_in.tokens.access);
            answers.push(server.send(request.json(&body)).await);
            for answer in answers {
                let allowed = answer
                    .headers
                    .iter()
                    .find(|(name, _)| name.to_lowercase().starts_with("access-control-"));
                assert_eq!(allowed, None, "{answer}");
            }
        }
    }
}
