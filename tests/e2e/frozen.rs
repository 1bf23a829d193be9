//! A store of every schema that there ever was, written by the release that had it (`tests/fixtures`): it opens,
//! and whoever signed in then goes on. The calendar of the process is that of its time.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use claviger_tests::{
    aws::{Client, Device, Tokens},
    child::Running,
    evidence::Evidence,
    instance::{PASSWORD, Service},
    postgres::Place,
    room::Room,
    shim::Shim,
};
use serde_json::Value;

/// What a release left behind.
struct Frozen {
    held: Value,
    service: Service,
    shim: Shim,
}

impl Frozen {
    fn thaw(name: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let fixture = fixtures.join(name);
        let mut service = Service::at(Room::new());
        let work = service.room.work();
        std::fs::create_dir(work.join("data")).expect("a data directory");
        let copy = |from: &str, to: PathBuf| {
            std::fs::copy(fixture.join(from), to).expect("a copy");
        };
        let read = |name: &str| std::fs::read_to_string(fixture.join(name)).expect("a text");
        if fixture.join("claviger.sql").exists() {
            let place = Place::default();
            place.thaw(&read("claviger.sql"));
            service.store = Some(place.address());
        } else {
            copy("claviger.db", work.join("data/claviger.db"));
        }
        copy("keys", work.join("keys"));
        let held = read("held.json");
        let shim = Shim::before(&mut service);
        Self {
            held: serde_json::from_str(&held).expect("JSON"),
            service,
            shim,
        }
    }

    /// Its time, and a rule besides.
    fn rule(&self, rule: &str) {
        let then = self.held["frozen_at"].as_i64().expect("a time") + 60;
        self.shim.rule(&format!("clock {}\n{rule}", then - now()));
    }

    /// A text that somebody held.
    fn text(&self, path: &str) -> String {
        let text = self.held.pointer(path).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {path}")).to_owned()
    }

    fn client(&self, path: &str) -> Client {
        Client {
            id: self.text(&format!("{path}/id")),
            secret: self.text(&format!("{path}/secret")),
        }
    }

    /// Everybody goes on.
    async fn go_on(&self) {
        let aws = self.service.aws();
        let client = self.client("/client");
        aws.list_accounts(&self.text("/access_token"))
            .await
            .assert_status(200);
        let tokens = Tokens::of(&aws.refresh(&client, &self.text("/refresh_token")).await);
        // Whoever lost that answer is given it again.
        let again = aws.refresh(&client, &self.text("/refresh_token")).await;
        assert_eq!(Tokens::of(&again).refresh_token(), tokens.refresh_token());
        aws.list_accounts(&tokens.access).await.assert_status(200);
        let device = Device {
            device_code: self.text("/approved_device_code"),
            user_code: String::new(),
            link: String::new(),
        };
        let poll = aws.poll(&client, &device).await;
        aws.list_accounts(&Tokens::of(&poll).access)
            .await
            .assert_status(200);
        let ended = aws
            .refresh(
                &self.client("/ended/client"),
                &self.text("/ended/refresh_token"),
            )
            .await;
        ended.assert_error(400, "InvalidGrantException");
        aws.list_accounts(&self.text("/ended/access_token"))
            .await
            .assert_error(401, "UnauthorizedException");
        assert_eq!(self.text("/password_of_alice"), PASSWORD);
        let mut browser = self.service.browser();
        browser.sign_in("alice", PASSWORD).await.assert_status(303);
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the process counts from now")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("a time").as_secs()).expect("a time")
}

#[tokio::test]
async fn f24_whoever_signed_in_under_the_first_schema_goes_on() {
    let frozen = Frozen::thaw("first");
    frozen.rule("");
    let running = frozen.service.serve().await;
    frozen.go_on().await;
    running.terminate();
    running.end().assert_code(0);
    Evidence::that("a store that the first release wrote")
        .lost(0)
        .print();
}

/// The first schema that PostgreSQL ever had is the second one of SQLite. The server's clock, which does not go
/// back to then, is what decides there: tokens of then are over, but keys, people and the log are not.
#[tokio::test]
async fn f24_a_store_of_the_first_schema_of_postgresql_opens() {
    let frozen = Frozen::thaw("postgres");
    let log = frozen
        .service
        .admin(&["audit", "--json", "--since", "36500d"]);
    let begun = log.assert_code(0).stdout.matches("session.start").count();
    assert_eq!(begun, 2, "{log}");
    let running = frozen.service.serve().await;
    let aws = frozen.service.aws();
    assert_eq!(frozen.text("/password_of_alice"), PASSWORD);
    let (client, tokens) = frozen.service.sign_in_device().await;
    let next = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&next.access).await.assert_status(200);
    running.terminate();
    running.end().assert_code(0);
    Evidence::that("a PostgreSQL store that the first release with it wrote")
        .lost(0)
        .print();
}

/// F01: the process dies at each call with which it brings a schema forward; the next one finishes it.
#[tokio::test]
async fn f01_killed_at_each_call_of_a_schema_step_the_store_comes_forward() {
    let mut points = 0;
    for nth in 1.. {
        let frozen = Frozen::thaw("first");
        frozen.rule(&format!("any claviger. {nth} kill"));
        if let Some(running) = ready(&frozen.service).await {
            running.kill();
            break;
        }
        points += 1;
        frozen.rule("");
        let running = frozen.service.serve().await;
        frozen.go_on().await;
        running.kill();
    }
    assert!(points >= 5, "{points} points only");
    Evidence::that(format!("a schema step, killed at {points} points"))
        .lost(0)
        .print();
}

/// The process once it is ready; nothing if it dies before.
async fn ready(service: &Service) -> Option<Running> {
    let mut running = service.launch();
    while running.is_alive() {
        if service.is_ready().await {
            return Some(running);
        }
        tokio::task::yield_now().await;
    }
    None
}
