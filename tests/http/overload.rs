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
    http::{Response, read_response},
};
use claviger_web::{
    admission::Admission,
    fault::{Fault, FaultScript},
};
use serde_json::json;

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
        let request = if [20, 50, 80].contains(&number) {
            request("POST /logout", "203.0.113.7")
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
    let places: Vec<_> = places.filter(|(_, name)| **name == "Logout").collect();
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
            held.push(tokio::spawn(async move { aws.logout(NOBODY).await }));
        }
        while holding.0.load(Ordering::SeqCst) < taken {
            tokio::task::yield_now().await;
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
        let aws = noisy();
        held.push(tokio::spawn(async move { aws.logout(NOBODY).await }));
    }
    while holding.0.load(Ordering::SeqCst) < held.len() {
        tokio::task::yield_now().await;
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
