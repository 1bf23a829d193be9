//! Bodies: size, JSON, encodings.

use claviger_tests::{
    TestServer,
    aws::{self, DEVICE_CODE},
    http::{Request, Response, read_response},
};
use serde_json::json;

const LIMIT: usize = 65_536;

/// A registration padded to `size` bytes by a member that nobody reads.
fn padded(size: usize) -> Vec<u8> {
    let head = r#"{"clientName":"c","clientType":"public","pad":""#;
    let pad = "p".repeat(size - head.len() - 2);
    format!("{head}{pad}\"}}").into_bytes()
}

/// The body in chunks of at most `size` bytes.
fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// A registration with this body as JSON.
async fn register(server: &TestServer, body: impl Into<Vec<u8>>) -> Response {
    let request = Request::post("/client/register").header("Content-Type", "application/json");
    server.send(request.body(body)).await
}

#[tokio::test]
async fn htp_01_a_body_over_64_kib_is_refused_and_ends_the_connection() {
    let server = TestServer::start().await;
    register(&server, padded(LIMIT)).await.assert_status(200);
    let host = server.host();
    let follow = format!("GET /start HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let over = padded(LIMIT + 1);
    let plain = format!(
        "POST /client/register HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        over.len()
    );
    let chunked = format!(
        "POST /client/register HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let pieces = chunks(&over, 4096);
    for (head, body) in [(plain, over.as_slice()), (chunked, pieces.as_slice())] {
        let mut connection = server.connect().await;
        connection.send(head.as_bytes()).await;
        connection.send(body).await;
        connection.send(follow.as_bytes()).await;
        let bytes = connection.read_to_end().await;
        let answer = read_response(&bytes).expect("an answer");
        answer.assert_error(413, "InvalidRequestException");
        assert_eq!(answer.header("connection"), Some("close"), "{answer}");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
    }
}

#[tokio::test]
async fn htp_01_pages_have_the_same_limit() {
    let server = TestServer::start().await;
    let request = Request::post("/sign-in")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("a".repeat(LIMIT + 1));
    server.send(request).await.assert_error_page(413, "aaaa");
}

#[tokio::test]
async fn htp_02_deep_wide_and_huge_json_is_refused() {
    let server = TestServer::start().await;
    let with = |member: &str| format!(r#"{{"clientName":"c","clientType":"public",{member}}}"#);
    let nested = |depth: usize| format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
    let wide = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":0")).collect();
        members.join(",")
    };
    register(&server, with(&nested(7))).await.assert_status(200);
    register(&server, with(&wide(62))).await.assert_status(200);
    for body in [
        with(&nested(8)),
        with(&nested(30_000)),
        format!("{}{}", "[".repeat(32_000), "]".repeat(32_000)),
        with(&wide(63)),
        with("\"x\":1e999"),
        with(&format!("\"x\":{}", "9".repeat(60_000)))
            .replace("clientName\":\"c", "clientName\":1,\"y\":\"c"),
    ] {
        let refused = register(&server, body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    let long = with(&format!("\"x\":\"{}\"", "x".repeat(100 * 1024)));
    register(&server, long)
        .await
        .assert_error(413, "InvalidRequestException");
}

#[tokio::test]
async fn htp_03_no_member_or_field_may_be_given_twice() {
    let server = TestServer::start().await;
    for body in [
        r#"{"clientName":"a","clientName":"b","clientType":"public"}"#,
        r#"{"clientName":"a","clientName":"a","clientType":"public"}"#,
        r#"{"clientName":"a","clientType":"public","x":1,"x":1}"#,
        r#"{"clientName":"a","clientType":"public","x":{"y":1,"y":2}}"#,
        r#"{"clientName":"a","clientType":"public","client\u004eame":"b"}"#,
    ] {
        let refused = register(&server, body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    let (client, code) = server.code().await;
    let mut body = client.with(aws::redemption(&code)).to_string();
    body.insert_str(1, &format!(r#""code":"{}","#, code.code));
    let request = Request::post("/token").header("Content-Type", "application/json");
    let refused = server.send(request.body(body)).await;
    refused.assert_error(400, "InvalidRequestException");
    assert_eq!(
        (server.rows().sessions(), server.rows().code_failures()),
        (0, 0)
    );
    server.aws().redeem(&client, &code).await.assert_status(200);
}

#[tokio::test]
async fn htp_03_no_form_field_may_be_given_twice() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let form = claviger_tests::browser::form(&page, "/sign-in");
    let mut fields = form
        .fill("user_name", "alice")
        .fill("password", "correct horse")
        .fields;
    fields.push(("user_name".to_owned(), "bob".to_owned()));
    let refused = browser.send(Request::post("/sign-in").form(&fields)).await;
    refused.assert_error_page(400, "");
    assert_eq!(
        (server.rows().web_sessions(), server.hasher.checks()),
        (0, 0)
    );
}

#[tokio::test]
async fn htp_04_broken_text_is_refused_anywhere() {
    let server = TestServer::start().await;
    let whole =
        |name: &[u8]| [br#"{"clientType":"public","clientName":""#, name, br#""}"#].concat();
    for name in [
        &br"a\u0000"[..],
        br"a\ud800",
        br"\udc00a",
        br"\ud800\ud800",
        b"a\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"a\x00b",
        b"a\x1fb",
        b"\xef\xbb\xbfa",
    ] {
        let refused = register(&server, whole(name)).await;
        assert_eq!(
            refused.status,
            400,
            "{} {refused}",
            String::from_utf8_lossy(name)
        );
    }
    let marked = [b"\xef\xbb\xbf", whole(b"a").as_slice()].concat();
    let refused = register(&server, marked).await;
    refused.assert_error(400, "InvalidRequestException");
    // In members of the token request too, and before anything is looked up.
    let client = server.aws().register().await;
    let reads = server.switch.reads();
    for code in ["a\u{0}", "cvd1.\u{0}"] {
        let body = client.with(json!({ "grantType": DEVICE_CODE, "deviceCode": code }));
        let refused = server.aws().create_token(body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    assert_eq!(server.switch.reads(), reads);
}

#[tokio::test]
async fn htp_05_wrong_types_and_other_documents_are_refused() {
    let server = TestServer::start().await;
    for body in [
        r#"{"clientName":1,"clientType":"public"}"#,
        r#"{"clientName":"a","clientType":"public","scopes":"a"}"#,
        r#"{"clientName":"a","clientType":"public","scopes":{"0":"a"}}"#,
        r#"{"clientName":"a","clientType":"public","scopes":[1]}"#,
        r#"{"clientName":["a"],"clientType":"public"}"#,
        r#"{"clientName":{"a":1},"clientType":"public"}"#,
        r#"{"clientName":true,"clientType":"public"}"#,
        "null",
        "[]",
        "\"a\"",
        "1",
        "",
        " ",
        "{",
        "{}{}",
        r#"{"clientName":"a","clientType":"public"} x"#,
        "{'clientName':'a','clientType':'public'}",
        "clientName=a&clientType=public",
    ] {
        let refused = register(&server, body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
}

#[tokio::test]
async fn htp_06_unknown_members_are_ignored() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let known = json!({ "clientName": "a", "clientType": "public", "newMember": { "a": [1] } });
    let client = aws::client(&aws.register_with(known).await);
    let body = json!({ "startUrl": aws.start_url(), "tomorrow": true });
    let started = aws.start_device_with(client.with(body)).await;
    started.assert_status(200);
    let body = json!({
        "grantType": DEVICE_CODE,
        "deviceCode": started.member("deviceCode"),
        "is_admin": true,
    });
    let polled = aws.create_token(client.with(body)).await;
    polled.assert_error(400, "AuthorizationPendingException");
}

#[tokio::test]
async fn htp_09_tiny_chunks_with_long_extensions_stay_within_limits() {
    let server = TestServer::start().await;
    let head = format!(
        "POST /client/register HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        server.host()
    );
    let chunk = format!("1;{}\r\n ", "e".repeat(4096));
    let mut connection = server.connect().await;
    connection.send(head.as_bytes()).await;
    for _ in 0..2_000 {
        connection.send(chunk.as_bytes()).await;
        connection.send(b"\r\n").await;
    }
    let bytes = connection.read_to_end().await;
    let answer = read_response(&bytes).expect("an answer");
    assert!(matches!(answer.status.as_u16(), 400 | 413), "{answer}");
    register(&server, padded(100)).await.assert_status(200);
}

#[tokio::test]
async fn htp_13_an_encoded_body_is_never_inflated() {
    let server = TestServer::start().await;
    let body = r#"{"clientName":"a","clientType":"public"}"#;
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"] {
        for target in ["/client/register", "/device_authorization", "/token"] {
            let request = Request::post(target)
                .header("Content-Type", "application/json")
                .header("Content-Encoding", encoding)
                .body(body);
            let refused = server.send(request).await;
            refused.assert_error(415, "InvalidRequestException");
        }
        let request = Request::post("/sign-in")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Content-Encoding", encoding)
            .body("a=b");
        server.send(request).await.assert_error_page(415, "");
    }
}

#[tokio::test]
async fn htp_15_an_announced_oversized_body_is_refused_before_it_is_sent() {
    let server = TestServer::start().await;
    let head = |length: usize| {
        format!(
            "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n",
            server.host()
        )
    };
    let mut connection = server.connect().await;
    connection.send(head(LIMIT + 1).as_bytes()).await;
    // Not a byte of the body: the answer alone ends the connection.
    let bytes = connection.read_to_end().await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    assert!(!text.contains("100 Continue"), "{text}");
}
