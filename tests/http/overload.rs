//! More to do than can be done: who is let in, and what the others are told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use claviger_tests::{
    TestServer,
    aws::{Aws, Device, Tokens},
    http::{Response, read_response},
};
use claviger_web::{
    admission::Admission,
    fault::{Fault, FaultScript},
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;

/// How much is handled at one time here.
const MOST: usize = 20;

/// How long whoever is held is held, at most.
const HELD: Duration = Duration::from_mins(2);

/// A token of nobody.
const NOBODY: &str = "cva1.x";

/// Holds every Logout after it was let in, and counts them.
#[derive(Default)]
struct Holding(AtomicUsize);

impl FaultScript for Holding {
    fn next(&self, operation: &'static str) -> Option<Fault> {
        (operation == "Logout").then(|| {
            self.0.fetch_add(1, Ordering::SeqCst);
            Fault::Delay(HELD)
        })
    }
}

async fn small() -> (TestServer, Arc<Holding>) {
    let holding = Arc::<Holding>::default();
    let script = Arc::clone(&holding);
    let server = TestServer::builder()
        .alone()
        .trusting("127.0.0.1/32")
        .app(move |app| {
            app.admission = Admission::of(MOST);
            app.faults = Some(Arc::clone(&script) as _);
        })
        .start()
        .await;
    (server, holding)
}

/// One more Logout, until it is held.
async fn hold(aws: Aws, holding: &Holding, held: &mut Vec<JoinHandle<Response>>) {
    held.push(tokio::spawn(async move { aws.logout(NOBODY).await }));
    while holding.0.load(Ordering::SeqCst) < held.len() {
        tokio::task::yield_now().await;
    }
}

/// Notes every call in the order in which they begin.
#[derive(Default)]
struct Noting(Mutex<Vec<&'static str>>);

impl FaultScript for Noting {
    fn next(&self, operation: &'static str) -> Option<Fault> {
        self.0.lock().expect("a list").push(operation);
        None
    }
}

#[tokio::test]
async fn res_03_networks_take_turns_to_begin() {
    let noting = Arc::<Noting>::default();
    let script = Arc::clone(&noting);
    let server = TestServer::builder()
        .alone()
        .trusting("127.0.0.1/32")
        .app(move |app| {
            app.admission = Admission::of(400);
            app.faults = Some(Arc::clone(&script) as _);
        })
        .start()
        .await;
    let request = |line: &str, from: &str| {
        format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {from}\r\nConnection: close\r\n\r\n",
            server.host()
        )
    };
    let mut asked = Vec::new();
    for _ in 0..=100 {
        asked.push(server.connect().await);
    }
    // All of them are there before the server looks: it runs on this thread.
    for (number, connection) in asked.iter_mut().enumerate() {
        // From either end, in whichever order they are looked at.
        // What is worth the same: networks take turns, and nothing else does.
        let request = if [20, 50, 80].contains(&number) {
            request("GET /assignment/roles", "203.0.113.7")
        } else {
            request("GET /assignment/accounts", "198.51.100.7")
        };
        connection.send(request.as_bytes()).await;
    }
    for mut connection in asked {
        let answer = read_response(&connection.read_to_end().await).expect("an answer");
        assert_ne!(answer.status, 503, "{answer}");
    }
    let begun = noting.0.lock().expect("a list");
    let places = begun.iter().enumerate();
    let places: Vec<_> = places
        .filter(|(_, name)| **name == "ListAccountRoles")
        .collect();
    assert_eq!((begun.len(), places.len()), (101, 3));
    // Four began at once, and of those in line every second one may be of the other network.
    assert!(places.iter().all(|(place, _)| *place < 12), "{places:?}");
}

/// What is asked, the least worth first, and how it is answered.
async fn asked(server: &TestServer) -> Vec<(&'static str, Response)> {
    let poll = json!({ "grantType": "urn:ietf:params:oauth:grant-type:device_code" });
    let refresh = json!({ "grantType": "refresh_token" });
    let (aws, mut browser) = (server.aws(), server.browser());
    let (account, role) = ("111122223333", "Developer");
    vec![
        ("RegisterClient", aws.register_with(json!({})).await),
        (
            "StartDeviceAuthorization",
            aws.start_device_with(json!({})).await,
        ),
        ("authorize", browser.authorize(&[]).await),
        ("poll", aws.call("/token", &poll).await),
        ("ListAccounts", aws.list_accounts(NOBODY).await),
        ("sign-in", browser.get("/sign-in").await),
        ("refresh", aws.call("/token", &refresh).await),
        (
            "GetRoleCredentials",
            aws.role_credentials(NOBODY, account, role).await,
        ),
        ("sign-out", browser.get("/sign-out").await),
    ]
}

#[tokio::test]
async fn res_03_res_05_overload_turns_away_what_is_worth_least_and_lets_go_of_access_last() {
    let (server, holding) = small().await;
    let at_rest = asked(&server).await;
    let mut held = Vec::new();
    // Sixty per cent for the first, five more for each one after it.
    for (refused, taken) in (12..=MOST).enumerate() {
        while held.len() < taken {
            // Each from a network of its own.
            let aws = server.aws().from(&format!("198.51.{}.7", held.len()));
            hold(aws, &holding, &mut held).await;
        }
        let before = server.rows().everything();
        let answers = asked(&server).await.into_iter().zip(&at_rest);
        for (place, ((what, answer), (_, at_rest))) in answers.enumerate() {
            assert_ne!(at_rest.status, 503, "{what} at rest: {at_rest}");
            if place > refused {
                assert_eq!(
                    answer.status, at_rest.status,
                    "{what} beside {taken}: {answer}"
                );
                if what == "poll" {
                    assert_eq!(answer.member("error"), at_rest.member("error"));
                }
                continue;
            }
            if what == "poll" {
                // Anything but a reason to poll on would end the sign-in.
                answer.assert_error(400, "SlowDownException");
                continue;
            }
            assert_eq!(answer.status, 503, "{what} beside {taken}: {answer}");
            let after = answer.header("retry-after").expect("when to come back");
            assert!(
                after.parse::<u32>().is_ok_and(|seconds| seconds > 0),
                "{after}"
            );
            assert!(answer.text().contains("Try again"), "{answer}");
        }
        assert_eq!(server.rows().everything(), before);
    }
    for held in held {
        held.abort();
    }
    // Whoever hung up holds no room any more.
    let begun = Instant::now();
    while server.aws().register_with(json!({})).await.status == 503 {
        assert!(begun.elapsed() < HELD / 2, "the room is not given back");
    }
}

#[tokio::test]
async fn res_03_one_network_cannot_take_all_that_is_handled() {
    let (server, holding) = small().await;
    let noisy = || server.aws().from("198.51.100.7");
    let mut held = Vec::new();
    // Three quarters of what registrations may have of all.
    for _ in 0..9 {
        hold(noisy(), &holding, &mut held).await;
    }
    for answer in [
        noisy().logout(NOBODY).await,
        noisy().list_accounts(NOBODY).await,
    ] {
        assert_eq!(answer.status, 503, "{answer}");
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    // Whatever another one asks for, the least worth as well, it is let in.
    for (what, answer) in asked(&server).await {
        assert_ne!(answer.status, 503, "{what}: {answer}");
        assert!(!answer.text().contains("slow_down"), "{what}: {answer}");
    }
    for held in held {
        held.abort();
    }
}

#[tokio::test]
async fn res_03_a_flood_of_registrations_is_limited_by_network_and_writes_nothing() {
    const LIMIT: u32 = 5;
    let server = TestServer::builder()
        .alone()
        .trusting("127.0.0.1/32")
        .policy(|policy| policy.limits.registrations_per_network = LIMIT)
        .start()
        .await;
    let honest = server.signed_in_device().await;
    let before = (server.switch.writes(), server.rows().everything());
    for network in 0..200 {
        let aws = server.aws().from(&format!("198.51.{network}.7"));
        for turn in 0..LIMIT + 2 {
            let answer = aws.register_with(json!({ "clientName": "x", "clientType": "public" }));
            let answer = answer.await;
            if turn < LIMIT {
                answer.assert_status(200);
            } else {
                answer.assert_error(400, "SlowDownException");
            }
        }
    }
    let after = (server.switch.writes(), server.rows().everything());
    assert_eq!(before, after);
    let aws = server.aws();
    let tokens = honest.tokens;
    aws.list_accounts(&tokens.access).await.assert_status(200);
    Tokens::of(&aws.refresh(&honest.client, tokens.refresh_token()).await);
}

#[tokio::test]
async fn res_05_a_flood_of_polls_writes_nothing_and_made_up_codes_read_nothing() {
    const POLLS: usize = 300;
    // Polls of one code that may come at once.
    const BURST: usize = 5;
    let server = TestServer::builder().alone().start().await;
    let aws = server.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    let rows = server.rows().everything();
    let (reads, writes) = (server.switch.reads(), server.switch.writes());
    for number in 0..POLLS {
        let guess = Device {
            device_code: format!("cvd1.{number:0>51}"),
            ..device.clone()
        };
        let answer = aws.poll(&client, &guess).await;
        assert_eq!(answer.status.as_u16(), 400, "{answer}");
        assert_ne!(answer.member("error"), "slow_down", "{answer}");
    }
    assert_eq!(server.switch.reads(), reads);
    let polls = (0..POLLS).map(|_| aws.poll(&client, &device));
    let (pending, slowed): (Vec<_>, Vec<_>) = join_all(polls)
        .await
        .into_iter()
        .partition(|answer| answer.member("error") == "authorization_pending");
    assert_eq!(pending.len(), BURST);
    for answer in slowed {
        answer.assert_error(400, "SlowDownException");
    }
    assert_eq!(server.switch.reads(), reads + POLLS, "one look each");
    assert_eq!(server.switch.writes(), writes);
    assert_eq!(server.rows().everything(), rows);
    // Whoever then polls as it should goes on.
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    server.clock.advance(120);
    Tokens::of(&aws.poll(&client, &device).await);
}
