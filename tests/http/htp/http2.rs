//! HTTP/2 frame by frame. While one connection misbehaves, the others are served.

use std::time::{Duration, Instant};

use claviger_tests::{
    TestServer,
    http2::{
        CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, RST_STREAM, SETTINGS,
        encode_headers,
    },
};

/// SETTINGS_INITIAL_WINDOW_SIZE.
const INITIAL_WINDOW_SIZE: u16 = 4;

fn get<'a>(authority: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", authority),
        (":path", path),
    ]
}

/// Whether an honest caller is served.
async fn assert_serving(server: &TestServer) {
    let client = server.aws().register().await;
    assert!(!client.id.is_empty());
}

#[tokio::test]
async fn htp_10_authority_and_host_must_agree() {
    let server = TestServer::start().await;
    let host = server.host().to_owned();
    let mut connection = Http2::open(server.address(), &[]).await;
    let rows = [
        (host.as_str(), None, 303),
        (&host, Some(host.as_str()), 303),
        (&host, Some("evil.example"), 400),
        ("evil.example", Some(&host), 400),
        ("evil.example", None, 421),
    ];
    for ((authority, named, expected), stream) in rows.into_iter().zip((1..).step_by(2)) {
        let mut head = get(authority, "/start");
        head.extend(named.map(|host| ("host", host)));
        connection.request(stream, &head).await;
        assert_eq!(
            connection.status().await,
            Some(expected),
            "{authority} {named:?}"
        );
    }
    // Programs are not asked for our name, but for one name.
    for (named, expected) in [(None, 401), (Some("evil.example"), 400)] {
        let mut connection = Http2::open(server.address(), &[]).await;
        let mut head = get(&host, "/assignment/accounts");
        head.extend(named.map(|host| ("host", host)));
        connection.request(1, &head).await;
        assert_eq!(connection.status().await, Some(expected), "{named:?}");
    }
}

#[tokio::test]
async fn res_06_a_connection_that_asks_for_nothing_more_is_ended() {
    let limit = Duration::from_millis(400);
    let server = TestServer::builder()
        .limits(move |limits| limits.head = limit)
        .start()
        .await;
    let host = server.host().to_owned();
    let mut connection = Http2::open(server.address(), &[]).await;
    let begun = Instant::now();
    for stream in [1, 3] {
        connection.request(stream, &get(&host, "/start")).await;
        assert_eq!(connection.status().await, Some(303));
    }
    // What it still sends is no request.
    connection.send(PING, 0, 0, &[0; 8]).await;
    while connection.next().await.is_some() {}
    let took = begun.elapsed();
    assert!(took >= limit && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn htp_14_rapid_reset_ends_the_connection() {
    let server = TestServer::start().await;
    let host = server.host().to_owned();
    let mut connection = Http2::open(server.address(), &[]).await;
    let head = encode_headers(&get(&host, "/start"));
    for stream in (1..40_001).step_by(2) {
        let open = connection
            .send(HEADERS, END_STREAM | END_HEADERS, stream, &head)
            .await;
        let reset = connection
            .send(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
            .await;
        if !(open && reset) {
            break;
        }
    }
    // GOAWAY, or gone before it could be read.
    while let Some(frame) = connection.next().await {
        if frame.kind == GOAWAY {
            break;
        }
    }
    assert!(!connection.send(PING, 0, 0, &[0; 8]).await || connection.next().await.is_none());
    assert_serving(&server).await;
}

#[tokio::test]
async fn htp_14_a_flood_of_continuations_ends_the_connection() {
    let server = TestServer::start().await;
    let mut connection = Http2::open(server.address(), &[]).await;
    let head = encode_headers(&get("h", "/start"));
    connection.send(HEADERS, END_STREAM, 1, &head).await;
    let pad = "p".repeat(120);
    let more = encode_headers(&[("x-pad", pad.as_str()); 100]);
    let mut sent = 0_usize;
    while connection.send(CONTINUATION, 0, 1, &more).await && sent < 64 << 20 {
        sent += more.len();
    }
    assert!(sent < 64 << 20, "the server read {sent} bytes of one head");
    assert_serving(&server).await;
}

#[tokio::test]
async fn htp_14_floods_of_ping_and_settings_hold_nobody_up() {
    let server = TestServer::start().await;
    for kind in [PING, SETTINGS] {
        let payload: &[u8] = if kind == PING { &[7; 8] } else { &[] };
        let mut connection = Http2::open(server.address(), &[]).await;
        // Nobody reads the answers: a server that queued them would grow; one that waits stops
        // reading, and the sender stands before full buffers.
        let flood = async {
            for _ in 0..200_000 {
                if !connection.send(kind, 0, 0, payload).await {
                    break;
                }
            }
        };
        let honest = async {
            for _ in 0..20 {
                assert_serving(&server).await;
            }
        };
        tokio::select! {
            biased;
            () = honest => {}
            () = flood => {}
        }
        assert_serving(&server).await;
    }
}

#[tokio::test]
async fn htp_14_a_window_that_never_opens_holds_its_own_streams_alone() {
    let server = TestServer::start().await;
    let host = server.host().to_owned();
    let mut connection = Http2::open(server.address(), &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let mut refused = false;
    for stream in (1..201).step_by(2) {
        refused |= !connection.request(stream, &get(&host, "/sign-in")).await;
    }
    // No more than 64 are taken up at a time; the others are refused, not queued.
    let mut reset = 0;
    while !refused && reset < 36 {
        match connection.next().await {
            Some(frame) if frame.kind == RST_STREAM => reset += 1,
            Some(frame) if frame.kind == GOAWAY => refused = true,
            Some(_) => {}
            None => refused = true,
        }
    }
    assert!(refused || reset >= 36);
    assert_serving(&server).await;
}
