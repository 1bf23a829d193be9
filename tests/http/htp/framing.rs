//! Framing: what two servers could read differently is refused, or is the last of its connection
//! (RFC 9112 §11.2).

use claviger_tests::{TestServer, http::read_response};

/// A registration, and a smuggled one that must never run behind it.
const GOOD: &str = r#"{"clientName":"front","clientType":"public"}"#;

/// What the server sends for raw bytes, until it closes.
async fn talk(server: &TestServer, bytes: &[u8]) -> String {
    let mut connection = server.connect().await;
    connection.send(bytes).await;
    String::from_utf8_lossy(&connection.read_to_end().await).into_owned()
}

/// A POST with these framing headers and this body, and a second request behind it.
fn smuggling(server: &TestServer, headers: &str, body: &str) -> Vec<u8> {
    let host = server.host();
    format!(
        "POST /client/register HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         {headers}\r\n{body}GET /start HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )
    .into_bytes()
}

fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn htp_07_ambiguous_lengths_are_refused() {
    let server = TestServer::start().await;
    let length = GOOD.len();
    let chunked = format!("{length:x}\r\n{GOOD}\r\n0\r\n\r\n");
    let two = format!(
        "Content-Length: {length}\r\nContent-Length: {}\r\n",
        length + 1
    );
    let list = format!("Content-Length: {length}, {length}\r\n");
    let plus = format!("Content-Length: +{length}\r\n");
    let huge = "Content-Length: 18446744073709551616\r\n".to_owned();
    let spaced = format!("Content-Length : {length}\r\n");
    let folded = format!("X-A: b\r\n c\r\nContent-Length: {length}\r\n");
    let rows = [
        (two.as_str(), GOOD),
        (&list, GOOD),
        (&plus, GOOD),
        (&huge, GOOD),
        (&spaced, GOOD),
        (&folded, GOOD),
        ("Transfer-Encoding: chunked, identity\r\n", &chunked),
        ("Transfer-Encoding: xchunked\r\n", &chunked),
        ("Transfer-Encoding: identity\r\n", &chunked),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            &chunked,
        ),
        ("Transfer-Encoding : chunked\r\n", &chunked),
        ("Transfer-Encoding: \x0bchunked\r\n", &chunked),
    ];
    for (headers, body) in rows {
        let text = talk(&server, &smuggling(&server, headers, body)).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{headers}: {text}");
        assert_eq!(answers(&text), 1, "{headers}: {text}");
    }
}

#[tokio::test]
async fn htp_07_both_lengths_at_once_are_the_last_of_their_connection() {
    let server = TestServer::start().await;
    let chunked = format!("{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len());
    // A front that believed the length would take the second request for the body's rest.
    for headers in [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
            chunked.len() + 40
        ),
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n",
            chunked.len() + 40
        ),
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n".to_owned(),
    ] {
        let text = talk(&server, &smuggling(&server, &headers, &chunked)).await;
        assert_eq!(answers(&text), 1, "{headers}: {text}");
        assert!(!text.contains("303 See Other"), "{headers}: {text}");
    }
}

#[tokio::test]
async fn htp_07_what_is_read_leniently_has_one_reading() {
    // hyper merges equal lengths and ends lines at a bare LF, as RFC 9110 §8.6 and RFC 9112 §2.2
    // let it (docs/adr/0006): the request behind is then itself, neither lost nor made of a body.
    let server = TestServer::start().await;
    let length = GOOD.len();
    for headers in [
        format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"),
        format!("X-A: b\nContent-Length: {length}\r\n"),
    ] {
        let mut request = smuggling(&server, &headers, GOOD);
        request.truncate(request.len() - 2);
        request.extend(b"Connection: close\r\n\r\n");
        let text = talk(&server, &request).await;
        assert_eq!(answers(&text), 2, "{headers}: {text}");
        assert!(text.starts_with("HTTP/1.1 200 "), "{headers}: {text}");
        assert_eq!(
            text.matches("HTTP/1.1 303 ").count(),
            1,
            "{headers}: {text}"
        );
    }
}

#[tokio::test]
async fn htp_07_bad_chunks_are_refused() {
    let server = TestServer::start().await;
    let size = GOOD.len();
    for body in [
        format!("{size:x}\n{GOOD}\r\n0\r\n\r\n"),
        format!("0x{size:x}\r\n{GOOD}\r\n0\r\n\r\n"),
        format!("-{size:x}\r\n{GOOD}\r\n0\r\n\r\n"),
        format!("+{size:x}\r\n{GOOD}\r\n0\r\n\r\n"),
        format!("fffffffffffffffff\r\n{GOOD}\r\n0\r\n\r\n"),
        format!("{size:x};a\nb\r\n{GOOD}\r\n0\r\n\r\n"),
        format!("{:x}\r\n{GOOD}\r\n0\r\n\r\n", size - 1),
        format!("\r\n{GOOD}\r\n0\r\n\r\n"),
    ] {
        let request = smuggling(&server, "Transfer-Encoding: chunked\r\n", &body);
        let text = talk(&server, &request).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{body}: {text}");
        assert_eq!(answers(&text), 1, "{body}: {text}");
    }
}

#[tokio::test]
async fn htp_07_a_broken_off_body_runs_nothing() {
    let server = TestServer::start().await;
    let head = smuggling(&server, "Transfer-Encoding: chunked\r\n", "5\r\n{\"cli");
    let cut = head.len() - b"GET /start".len() - 30;
    let mut connection = server.connect().await;
    connection.send(&head[..cut]).await;
    drop(connection);
    let good = smuggling(
        &server,
        &format!("Content-Length: {}\r\n", GOOD.len()),
        GOOD,
    );
    let whole = [&good[..], b""].concat();
    let mut connection = server.connect().await;
    connection.send(&whole).await;
    drop(connection);
    assert_eq!(server.rows().sessions(), 0);
}

#[tokio::test]
async fn htp_07_control_characters_in_a_head_are_refused() {
    let server = TestServer::start().await;
    let host = server.host();
    for head in [
        format!("GET /start HTTP/1.1\r\nHost: {host}\r\nX-A: a\rb\r\n\r\n"),
        format!("GET /start HTTP/1.1\r\nHost: {host}\r\nX-A: a\x00b\r\n\r\n"),
        format!("GET /start HTTP/1.1\r\nHost: {host}\r\n X-A: folded\r\n\r\n"),
        format!("GET /start HTTP/1.1\r\nHost: {host}\r\nX A: b\r\n\r\n"),
        format!("GET /start HTTP/1.1\r\nHost: {host}\r\nX-A\r\n\r\n"),
        format!("GET  /start HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /start HTTP/9.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /st\x01art HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let text = talk(&server, head.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{head:?}: {text}");
    }
}

#[tokio::test]
async fn htp_08_too_many_headers_a_long_head_and_a_long_target_are_refused() {
    let server = TestServer::start().await;
    let host = server.host();
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
    };
    let many = |count: usize| {
        let lines: Vec<String> = (0..count).map(|n| format!("X-{n}: y\r\n")).collect();
        lines.concat()
    };
    let long = |size: usize| format!("X-Long: {}\r\n", "y".repeat(size));
    let target = |size: usize| format!("/start?{}", "q".repeat(size - 7));
    let rows = [
        (get("/start", &many(62)), "303"),
        (get("/start", &many(63)), "431"),
        (get("/start", &long(15_000)), "303"),
        (get("/start", &long(16_500)), "431"),
        (get("/start", &long(200_000)), "431"),
        (get(&target(8192), ""), "303"),
        (get(&target(8193), ""), "414"),
        (get(&target(15_000), ""), "414"),
    ];
    for (request, status) in rows {
        let text = talk(&server, request.as_bytes()).await;
        let start: String = request.chars().take(60).collect();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{start}: {text}"
        );
    }
    let request = get("/token", "").replace("/token", &format!("/token?{}", "q".repeat(9000)));
    let text = talk(&server, request.as_bytes()).await;
    let answer = read_response(text.as_bytes()).expect("an answer");
    answer.assert_error(414, "InvalidRequestException");
}
