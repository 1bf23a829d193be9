//! How a service bears many sessions: start to ready, memory, room on disk, and the job that deletes them once
//! they are over.
//!
//! ```text
//! CLAVIGER_BIN=target/release/claviger cargo run -p claviger-tests --example many_sessions -- sqlite 1000000
//! CLAVIGER_BIN=target/release/claviger cargo run -p claviger-tests --example many_sessions -- postgres 1000000
//! ```
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program that measures and prints, or fails"
)]

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_model::{
    directory::{User, UserName, UserState},
    id::{SessionId, UserId},
    session::Session,
    time::Timestamp,
};
use claviger_store::{
    driver::Driver,
    postgres::{PostgresStore, address::Address},
    repository::{session, user},
    sqlite::{Options, SqliteStore},
    statement::{Plan, Query},
    value::Value,
};
use claviger_tests::{
    aws::{Client, Tokens},
    child::Running,
    evidence::Evidence,
    instance::Service,
    postgres::Place,
    shim::Shim,
};

/// Sessions that are written at once.
const AT_ONCE: u64 = 1_000;

/// Later than the end of every session by more than a day.
const LATER: &str = "clock 216000";

/// The same, seen from the other side.
const EARLIER: &str =
    "UPDATE sessions SET abs_exp = abs_exp - 216000, idle_exp = idle_exp - 216000";

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().expect("sqlite or postgres");
    let many: u64 = arguments
        .next()
        .map_or(1_000_000, |many| many.parse().expect("a number"));
    let place = (kind == "postgres").then(Place::default);
    let mut service = Service::init_in(place.as_ref().map(Place::address));
    let issuer = service.issuer();
    let quiet = "[log]\nfilter = \"warn,claviger::command::running=info\"\n";
    service = service.known_as(&issuer, quiet);
    let running = service.serve().await;
    service.sign_in_device().await;
    running.terminate();
    running.end().assert_code(0);

    let begun = Instant::now();
    let driver = open(&service).await;
    let template = template(driver.as_ref()).await;
    plant(driver.as_ref(), &template, many).await;
    drop(driver);
    println!("{kind}: {many} sessions in {:.0?}", begun.elapsed());
    // The first start brings the log into the file.
    let running = service.serve().await;
    running.terminate();
    running.end().assert_code(0);
    let size = place
        .as_ref()
        .map_or_else(|| size_of(&service), |place| place.size().unsigned_abs());
    println!(
        "on disk: {:.0} MiB, {} bytes a session",
        mib(size),
        size / many
    );
    let mut starts = Vec::new();
    for _ in 0..7 {
        let begun = Instant::now();
        let running = service.serve().await;
        starts.push(begun.elapsed());
        running.kill();
    }
    starts.sort_unstable();
    println!("exec to ready: {:?}, of seven {starts:?}", starts[3]);

    let running = service.serve().await;
    println!("idle: {:.1} MiB resident", mib(resident(&running)));
    let (client, tokens) = service.sign_in_device().await;
    refresh(&service, &client, tokens, Duration::from_secs(10)).await;
    println!(
        "after ten seconds of refreshes: {:.1} MiB resident",
        mib(resident(&running))
    );
    running.kill();
    end_everybody(&service, many / 5).await;
    expire(&mut service, place.as_ref()).await;
}

/// Ends all that there is, as an operator would after a restore, with so many people in the directory.
async fn end_everybody(service: &Service, people: u64) {
    let driver = open(service).await;
    let mut next = 0;
    while next < people {
        let some = (next..people.min(next + AT_ONCE)).map(|number| {
            let name = UserName::parse(&format!("person-{number}")).expect("a name");
            let person = User {
                id: UserId::from_bytes(spread_out(number)),
                display_name: name.to_string(),
                name,
                email: None,
                state: UserState::Active,
                epoch: 0,
            };
            user::adding(&person, Timestamp::from_epoch_seconds(1))
        });
        let applied = driver.apply(Plan(some.collect())).await;
        assert!(applied.expect("a write").is_whole());
        next += AT_ONCE;
    }
    drop(driver);
    let running = service.serve().await;
    let begun = Instant::now();
    let ended = service.admin(&["sessions", "end", "--all"]);
    ended.assert_code(0);
    println!(
        "`sessions end --all`, {people} people: {:.1?}: {}",
        begun.elapsed(),
        ended.stdout.trim()
    );
    running.kill();
}

/// Ids of chance are spread over the whole tree.
fn spread_out(number: u64) -> [u8; 16] {
    let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    u128::from(number + 1).wrapping_mul(factor).to_be_bytes()
}

/// Waits for the job, and compares refreshes before it with those meanwhile.
async fn expire(service: &mut Service, place: Option<&Place>) {
    match place {
        // A node whose calendar is not the database's would do nothing.
        Some(place) => drop(place.sql(EARLIER)),
        None => Shim::before(service).rule(LATER),
    }
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    let (tokens, before) = refresh(service, &client, tokens, Duration::from_secs(30)).await;
    let (mut tokens, mut during) = (tokens, Vec::new());
    let line = loop {
        let (next, times) = refresh(service, &client, tokens, Duration::from_secs(1)).await;
        tokens = next;
        during.extend(times);
        let log = running.stderr();
        if let Some(line) = log
            .lines()
            .find(|line| line.contains("deleted what has been over"))
        {
            break line.to_owned();
        }
    };
    println!("{line}");
    let (before, during) = (spread(before), spread(during));
    println!("refreshes before:    {before}");
    println!("refreshes meanwhile: {during}");
    Evidence::that(format!("refreshes before it {before}, meanwhile {during}")).print();
    println!("after it: {:.1} MiB resident", mib(resident(&running)));
    running.kill();
}

async fn open(service: &Service) -> Arc<dyn Driver> {
    if let Some(address) = &service.store {
        let address = Address::parse(address).expect("an address");
        return Arc::new(PostgresStore::open(address).await.expect("a store"));
    }
    let options = Options::new(service.room.work().join("data"));
    Arc::new(SqliteStore::open(&options).expect("a store").0)
}

/// The session that there is.
async fn template(driver: &dyn Driver) -> Session {
    let rows = driver.fetch(Query::new("SELECT sid FROM sessions")).await;
    let rows = rows.expect("a read");
    let Some([Value::Bytes(id)]) = rows.first().map(|row| row.0.as_slice()) else {
        panic!("no session");
    };
    let id = SessionId::from_bytes(id.as_slice().try_into().expect("an id"));
    let found = session::with_user(driver, id).await.expect("a read");
    found.expect("the session").0
}

/// Writes so many like it.
async fn plant(driver: &dyn Driver, template: &Session, many: u64) {
    let mut next = 0_u64;
    while next < many {
        let some = (next..many.min(next + AT_ONCE)).map(|number| {
            // Five a person.
            session::starting(&Session {
                id: SessionId::from_bytes(spread_out(number)),
                user_id: UserId::from_bytes(spread_out(number / 5)),
                ..template.clone()
            })
        });
        let applied = driver.apply(Plan(some.collect())).await;
        assert!(applied.expect("a write").is_whole());
        next += AT_ONCE;
    }
}

/// Refreshes one after the other for that long; the last tokens, and how long each took.
async fn refresh(
    service: &Service,
    client: &Client,
    mut tokens: Tokens,
    long: Duration,
) -> (Tokens, Vec<Duration>) {
    let (aws, end) = (service.aws(), Instant::now() + long);
    let mut times = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        tokens = Tokens::of(&aws.refresh(client, tokens.refresh_token()).await);
        times.push(begun.elapsed());
    }
    (tokens, times)
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1));
    format!(
        "{}, p50 {:.1?}, p99 {:.1?}",
        times.len(),
        at(50).expect("one"),
        at(99).expect("one")
    )
}

fn size_of(service: &Service) -> u64 {
    let data = service.room.work().join("data");
    let files = fs::read_dir(data).expect("the data directory");
    let files = files.map(|file| file.expect("a file"));
    files
        .filter(|file| {
            file.file_name()
                .to_string_lossy()
                .starts_with("claviger.db")
        })
        .map(|file| file.metadata().expect("its size").len())
        .sum()
}

/// Bytes of memory that a process holds.
fn resident(running: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.id()));
    let status = status.expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .expect("its size");
    kib << 10
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
