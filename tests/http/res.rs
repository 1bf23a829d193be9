//! Exhaustion: silent and slow peers, floods, a person with too many sessions. Limits of seconds
//! are set to fractions of one here; what the product sets is asserted once.

use std::time::{Duration, Instant};

use claviger_engine::{admin, sweep};
use claviger_model::{id::SessionId, session::Session, time::Lifetime};
use claviger_store::{repository::session as sessions, statement::Plan};
use claviger_tests::{
    TestServer,
    aws::{Client, Device, Tokens},
    browser::Browser,
    http::{Connection, read_response},
    tls::Tls,
};
use claviger_web::server::Limits;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The limit that the tests set; a hundred times as long as anything else here takes.
const SHORT: Duration = Duration::from_millis(400);

/// Longer than this and it was not the limit that ended it.
const LONG: Duration = Duration::from_secs(8);

async fn hasty() -> TestServer {
    TestServer::builder()
        .alone()
        .limits(|limits| {
            limits.head = SHORT;
            limits.unread = SHORT;
        })
        .body_time(SHORT)
        .start()
        .await
}

#[test]
fn res_01_res_02_the_limits_of_the_product() {
    let limits = Limits::default();
    assert_eq!(limits.head, Duration::from_secs(10));
    assert_eq!(limits.unread, Duration::from_secs(30));
}

/// Sends `first`, then `rest` byte by byte for as long as the server takes them, and answers
/// what it said and when it hung up.
async fn trickle(server: &TestServer, first: &[u8], rest: &[u8]) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let stream = tokio::net::TcpStream::connect(server.address()).await;
    let (mut read, mut write) = stream.expect("a connection").into_split();
    let rest = rest.to_vec();
    let first = first.to_vec();
    let writing = tokio::spawn(async move {
        let mut every = tokio::time::interval(SHORT / 20);
        if write.write_all(&first).await.is_err() {
            return;
        }
        for byte in rest.iter().cycle() {
            every.tick().await;
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
        // Silent from here on, but there.
        std::future::pending::<()>().await;
    });
    let mut answer = Vec::new();
    let end = tokio::time::timeout(LONG * 2, read.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "the server holds on");
    writing.abort();
    (answer, begun.elapsed())
}

#[tokio::test]
async fn res_01_a_head_that_takes_too_long_ends_its_connection_however_it_trickles() {
    let server = hasty().await;
    let rows: [(&str, &str); 4] = [
        ("", ""),
        ("GET /start HTTP/1.1\r\nHost: x\r\nX-Long: ", "a"),
        ("G", ""),
        // The first bytes of HTTP/2, and no more.
        ("PRI * HTTP/2.0\r\n\r\n", ""),
    ];
    for (first, rest) in rows {
        let (answer, took) = trickle(&server, first.as_bytes(), rest.as_bytes()).await;
        assert!(took >= SHORT / 2 && took < LONG, "{first:?}: {took:?}");
        let answered = String::from_utf8_lossy(&answer);
        assert!(!answered.contains(" 200 "), "{first:?}: {answered}");
    }
    server.aws().register().await;
}

#[tokio::test]
async fn res_01_a_handshake_that_never_ends_is_ended() {
    let server = TestServer::builder()
        .tls(&Tls::new())
        .limits(|limits| limits.head = SHORT)
        .start()
        .await;
    let (answer, took) = trickle(&server, b"\x16\x03\x01", b"").await;
    assert!(took >= SHORT / 2 && took < LONG, "{took:?}");
    assert!(answer.is_empty());
}

/// Connections whose heads never end.
async fn two_hundred(server: &TestServer) -> Vec<Connection> {
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut connection = server.connect().await;
        connection.send(b"GET /start HT").await;
        held.push(connection);
    }
    held
}

#[tokio::test]
async fn res_01_an_honest_client_is_served_while_places_are_held_and_gets_one_that_frees() {
    // By a proxy, which may have all of them.
    let server = TestServer::builder()
        .trusting("127.0.0.1/32")
        .limits(|limits| {
            limits.connections = 40;
            limits.head = SHORT;
        })
        .start()
        .await;
    let mut held = two_hundred(&server).await;
    // Five times the places are held or asked for; each is given back after its time.
    let begun = Instant::now();
    server.aws().register().await;
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    let closed = join_all(held.iter_mut().map(Connection::read_to_end)).await;
    assert_eq!(closed.len(), 200);
}

#[tokio::test]
async fn res_01_res_06_one_network_leaves_connections_to_the_others() {
    let server = TestServer::builder()
        .alone()
        .limits(|limits| limits.connections = 40)
        .start()
        .await;
    let mut held = two_hundred(&server).await;
    let begun = Instant::now();
    // More than three quarters of them are ended at once.
    let ended = held.drain(30..).map(async |mut connection| {
        assert!(connection.read_to_end().await.is_empty());
    });
    join_all(ended).await;
    // Another network is served meanwhile.
    let get = format!(
        "GET /sign-in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        server.host()
    );
    for _ in 0..20 {
        let mut other = Connection::open_from([127, 0, 1, 1], server.address()).await;
        other.send(get.as_bytes()).await;
        let answer = read_response(&other.read_to_end().await).expect("an answer");
        answer.assert_status(200);
    }
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    // All of its own are answered as well,
    for connection in &mut held {
        let rest = format!(
            "TP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            server.host()
        );
        connection.send(rest.as_bytes()).await;
        let answer = read_response(&connection.read_to_end().await).expect("an answer");
        assert!(
            answer.status.is_success() || answer.status.is_redirection(),
            "{answer}"
        );
    }
    // and their places are given back.
    drop(held);
    loop {
        let mut same = server.connect().await;
        same.send(get.as_bytes()).await;
        if !same.read_to_end().await.is_empty() {
            break;
        }
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn res_01_an_idle_connection_ends_as_well_after_its_answer() {
    let server = hasty().await;
    let request = format!("GET /sign-in HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    let (answer, took) = trickle(&server, request.as_bytes(), b"").await;
    assert!(took >= SHORT / 2 && took < LONG, "{took:?}");
    read_response(&answer)
        .expect("an answer")
        .assert_status(200);
}

#[tokio::test]
async fn res_02_a_body_that_takes_too_long_is_refused_and_ends_its_connection() {
    let server = hasty().await;
    let before = server.rows().everything();
    let head = |headers: &str| {
        format!(
            "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{headers}\r\n",
            server.host()
        )
    };
    let long = format!("{}{{", head("Content-Length: 60000\r\n"));
    let chunked = head("Transfer-Encoding: chunked\r\n");
    for (first, rest) in [
        (&long, "x"),
        (&long, ""),
        (&chunked, "1\r\nx\r\n"),
        (&chunked, ""),
    ] {
        let (answer, took) = trickle(&server, first.as_bytes(), rest.as_bytes()).await;
        assert!(took >= SHORT / 2 && took < LONG, "{rest:?}: {took:?}");
        let answer = read_response(&answer).expect("an answer");
        answer.assert_error(408, "InvalidRequestException");
        assert_eq!(answer.header("connection"), Some("close"), "{answer}");
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn res_02_a_reader_that_never_reads_is_hung_up_on() {
    let server = hasty().await;
    // Enough requests for their answers to fill every buffer on the way.
    let request = format!("GET /sign-in HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket
        .connect(server.address())
        .await
        .expect("a connection");
    let begun = Instant::now();
    let writing = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(LONG * 2, writing).await;
    assert!(
        ended.is_ok(),
        "the server holds on to a peer that never reads"
    );
    assert!(begun.elapsed() >= SHORT / 2, "{:?}", begun.elapsed());
    server.aws().register().await;
}

/// Clients of many networks start devices until nothing more is given.
async fn flood(server: &TestServer, client: &Client, tries: usize) -> (Vec<Device>, usize) {
    let (mut started, mut refused) = (Vec::new(), 0);
    for number in 0..tries {
        let aws = server
            .aws()
            .from(&format!("198.51.{}.{}", number / 200, number % 200));
        let body = serde_json::json!({ "startUrl": aws.start_url() });
        let answer = aws.start_device_with(client.with(body)).await;
        if answer.status.as_u16() == 200 {
            started.push(Device {
                device_code: answer.member("deviceCode"),
                user_code: answer.member("userCode"),
                link: answer.member("verificationUriComplete"),
            });
        } else {
            answer.assert_error(400, "SlowDownException");
            refused += 1;
        }
    }
    (started, refused)
}

#[tokio::test]
async fn res_04_a_flood_of_starts_stops_at_the_total_cap_and_earlier_codes_still_work() {
    const CAP: u32 = 60;
    let server = TestServer::builder()
        .alone()
        .trusting("127.0.0.1/32")
        .policy(|policy| {
            policy.limits.devices = CAP;
            policy.limits.devices_per_client = 10_000;
        })
        .start()
        .await;
    let aws = server.aws();
    let mine = aws.register().await;
    let early = aws.start_device(&mine).await;
    let stranger = aws.register().await;
    let (started, refused) = flood(&server, &stranger, 500).await;
    assert_eq!((started.len(), refused), (59, 441));
    assert_eq!(server.rows().devices(), i64::from(CAP));
    assert_eq!(
        server.rows().count("SELECT count(*) FROM user_codes"),
        i64::from(CAP)
    );
    // What began before goes on to its end, and leaves its place.
    let mut browser = server.browser_of("alice").await;
    browser.approve(&early.user_code).await.assert_status(303);
    let tokens = Tokens::of(&aws.poll(&mine, &early).await);
    aws.list_accounts(&tokens.access).await.assert_status(200);
    browser
        .approve(&started[58].user_code)
        .await
        .assert_status(303);
    aws.poll(&stranger, &started[58]).await.assert_status(200);
    assert_eq!(flood(&server, &stranger, 5).await.1, 3);
    // After their time the rows go, and the places are free again.
    server.clock.advance(660);
    assert_eq!(flood(&server, &stranger, 5).await.1, 0);
    while sweep::sweep(&server.context).await.expect("swept") > 0 {}
    assert_eq!(server.rows().devices(), 2 + 5, "undecided ones go at once");
    server.clock.advance(24 * 3600 + 600);
    while sweep::sweep(&server.context).await.expect("swept") > 0 {}
    assert_eq!(server.rows().devices(), 0);
    assert_eq!(server.rows().count("SELECT count(*) FROM user_codes"), 0);
}

/// A further session of alice.
async fn session(server: &TestServer, browser: &mut Browser, client: &Client) -> Tokens {
    let aws = server.aws();
    let device = aws.start_device(client).await;
    browser.approve(&device.user_code).await.assert_status(303);
    Tokens::of(&aws.poll(client, &device).await)
}

#[tokio::test]
async fn res_10_at_the_cap_the_session_idle_longest_ends_and_that_is_recorded() {
    let server = TestServer::builder()
        .policy(|policy| policy.limits.sessions_per_user = 3)
        .start()
        .await;
    let aws = server.aws();
    let (client, mut browser) = (aws.register().await, server.browser_of("alice").await);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(session(&server, &mut browser, &client).await);
        server.clock.advance(60);
    }
    let bob = server.signed_in_device_of("bob").await;
    // The eldest is the one in use.
    sessions[0] = Tokens::of(&aws.refresh(&client, sessions[0].refresh_token()).await);
    server.clock.advance(60);
    sessions.push(session(&server, &mut browser, &client).await);
    for (number, tokens) in sessions.iter().enumerate() {
        let told = aws.list_accounts(&tokens.access).await;
        told.assert_status(if number == 1 { 401 } else { 200 });
    }
    let refused = aws.refresh(&client, sessions[1].refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
    aws.list_accounts(&bob.tokens.access)
        .await
        .assert_status(200);
    let ended = "SELECT end_reason FROM sessions WHERE revoked_at IS NOT NULL";
    assert_eq!(server.rows().only_text(ended), "session_cap");
    let records = server.rows().audit();
    let mut ends = records
        .iter()
        .filter(|record| record.action == "session.end");
    let record = ends.next().expect("a record");
    assert_eq!(ends.next().map(|other| &other.detail), None);
    assert_eq!(
        (record.actor.as_str(), record.detail.as_str()),
        ("alice", "session_cap")
    );
    let second = records
        .iter()
        .filter(|record| record.action == "session.start")
        .nth(1);
    assert_eq!(
        record.session_id,
        second.and_then(|record| record.session_id)
    );
    assert!(record.session_id.is_some());
}

#[tokio::test]
async fn res_10_the_cap_is_two_hundred_and_binds_those_who_are_beyond_it() {
    let server = TestServer::builder()
        .policy(|policy| {
            assert_eq!(policy.limits.sessions_per_user, 200);
            policy.limits.sessions_per_user = 4;
        })
        .start()
        .await;
    let aws = server.aws();
    let (client, mut browser) = (aws.register().await, server.browser_of("alice").await);
    let first = session(&server, &mut browser, &client).await;
    // As after a cap that was lowered: ten thousand more than it allows.
    let alice = admin::session::list(&server.context, None).await;
    let alice = alice.expect("a list").pop().expect("a session").1;
    let more = (1..=10_000_u128).map(|number| {
        sessions::starting(&Session {
            id: SessionId::from_bytes(number.to_be_bytes()),
            created_at: alice.created_at.plus(Lifetime::seconds(1)),
            ..alice.clone()
        })
    });
    let grown = server.store.apply(Plan(more.collect())).await;
    assert!(grown.expect("a write").is_whole());
    assert_eq!(server.rows().live_sessions(), 10_001);
    server.clock.advance(60);
    // A thousand with each, so that no beginning is too large to be written.
    let mut last = None;
    for (live, ended) in (1..=10).map(|times| (10_001 - 999 * times, 1_000 * times)) {
        last = Some(session(&server, &mut browser, &client).await);
        let (live, ended) = if live < 4 { (4, 10_007) } else { (live, ended) };
        assert_eq!(server.rows().live_sessions(), live);
        let found = server.rows().recorded("session.end");
        assert_eq!(i64::try_from(found).expect("few"), ended);
        server.clock.advance(60);
    }
    let last = last.expect("ten of them");
    aws.list_accounts(&last.access).await.assert_status(200);
    aws.list_accounts(&first.access)
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn res_10_racers_at_the_cap_all_begin_and_the_next_one_puts_it_right() {
    let server = TestServer::builder()
        .policy(|policy| policy.limits.sessions_per_user = 2)
        .start()
        .await;
    let aws = server.aws();
    let (client, mut browser) = (aws.register().await, server.browser_of("alice").await);
    for _ in 0..2 {
        session(&server, &mut browser, &client).await;
        server.clock.advance(1);
    }
    let mut devices = Vec::new();
    for _ in 0..8 {
        let device = aws.start_device(&client).await;
        browser.approve(&device.user_code).await.assert_status(303);
        devices.push(device);
    }
    let answers = join_all(devices.iter().map(|device| aws.poll(&client, device))).await;
    for (device, answer) in devices.iter().zip(answers) {
        // Whoever lost three races is told to come again, and then gets in.
        if answer.status.as_u16() != 200 {
            answer.assert_error(400, "AuthorizationPendingException");
            aws.poll(&client, device).await.assert_status(200);
        }
    }
    server.clock.advance(1);
    session(&server, &mut browser, &client).await;
    assert_eq!(server.rows().live_sessions(), 2);
    let without = "SELECT count(*) FROM sessions s WHERE s.revoked_at IS NOT NULL AND NOT EXISTS \
                   (SELECT 1 FROM audit a WHERE a.sid = s.sid AND a.action = 'session.end' \
                    AND a.detail = 'session_cap')";
    assert_eq!(server.rows().count(without), 0);
    assert_eq!(server.rows().recorded("session.end"), 9);
}
