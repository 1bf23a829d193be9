//! The run: load, kills, and the reckoning.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use claviger_store::sqlite::{Options, SqliteStore};
use claviger_tests::{
    child::Running,
    effort::number_of,
    evidence::Evidence,
    instance::Service,
    postgres::{Pair, Place},
    rows::Rows,
};
use futures_util::future::join_all;

use super::{
    caller::{Caller, Tally},
    chance::Chance,
    checker,
    history::{End, History, Told},
    virtual_user::VirtualUser,
};

pub(super) const USERS: u64 = 8;

/// How long it runs where `CLAVIGER_KILL_MINUTES` says nothing.
const SHORT: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f02_what_was_acknowledged_survives_kill_9_and_nothing_happens_twice() {
    let (service, seed) = (with_settings(Service::init()), seed());
    let rows = || rows_of(&service);
    let nodes = [&service];
    let kills = endure(&nodes, seed, rows, async |running, _| {
        kill_at_random(&nodes, running, &mut Chance::of(seed)).await
    });
    let kills = kills.await;
    assert!(kills >= 5, "{kills} kills");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f02_nodes_on_postgresql_are_killed_and_nothing_is_lost_or_happens_twice() {
    let (place, seed) = (Place::default(), seed());
    let (first, second) = two_nodes(place.address());
    let nodes = [&first, &second];
    let kills = endure(
        &nodes,
        seed,
        || place.rows(),
        async |running, _| kill_at_random(&nodes, running, &mut Chance::of(seed)).await,
    );
    let kills = kills.await;
    assert!(kills >= 5, "{kills} kills");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_the_primary_dies_under_load_and_nothing_is_lost_or_happens_twice() {
    for _ in 0..number_of("CLAVIGER_FAILOVERS").unwrap_or(1) {
        fail_over().await;
    }
}

/// The primary is killed under load, and its standby promoted once that was met.
async fn fail_over() {
    let (pair, seed) = (Pair::default(), seed());
    let (first, second) = two_nodes(pair.address());
    let nodes = [&first, &second];
    let pair = &pair;
    let failovers = endure(
        &nodes,
        seed,
        || pair.rows(),
        async |running, tally| {
            tokio::time::sleep(Duration::from_secs(5)).await;
            pair.kill_primary();
            let refused = || tally.unavailable.load(Ordering::Relaxed);
            while refused() == 0 {
                tokio::task::yield_now().await;
            }
            pair.promote();
            let stored = || tally.stored.load(Ordering::Relaxed);
            let (promoted, before) = (Instant::now(), stored());
            while stored() < before + USERS {
                tokio::task::yield_now().await;
            }
            let took = promoted.elapsed();
            Evidence::that(format!(
                "a primary killed under load, {} requests answered 503",
                refused()
            ))
            .recovered_in(took)
            .print();
            assert!(
                took < Duration::from_secs(5),
                "{took:?} after the promotion"
            );
            tokio::time::sleep(Duration::from_secs(10)).await;
            (running, 1)
        },
    );
    assert_eq!(failovers.await, 1);
}

#[expect(clippy::print_stdout, reason = "a long run is watched")]
pub(super) fn seed() -> u64 {
    let seed = number_of("CLAVIGER_KILL_SEED").unwrap_or_else(Chance::seed);
    println!("CLAVIGER_KILL_SEED={seed}");
    seed
}

/// With a proxy that says where requests come from, and room for many sessions.
pub(super) fn with_settings(mut service: Service) -> Service {
    let settings = format!(
        "public_url = \"{}\"\ntrusted_proxies = [\"127.0.0.1\"]\n\n\
         [limits]\nsessions_per_user = 1000000\n\n[log]\nfilter = \"trace\"\n",
        service.issuer()
    );
    service.room.write("claviger.toml", &settings);
    service.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
    service
}

/// Two nodes on the PostgreSQL at that address.
pub(super) fn two_nodes(address: String) -> (Service, Service) {
    let first = with_settings(Service::init_in(Some(address)));
    let second = with_settings(first.further_node());
    (first, second)
}

/// The rows of a service that has stopped.
pub(super) fn rows_of(service: &Service) -> Rows {
    let options = Options::new(service.room.work().join("data"));
    let (store, _) = SqliteStore::open(&options).expect("the store");
    Rows::of(Arc::new(store))
}

/// Users come and go while a disaster takes its course; then the reckoning. Answers how many blows there
/// were.
pub(super) async fn endure(
    nodes: &[&Service],
    seed: u64,
    rows: impl Fn() -> Rows,
    disaster: impl AsyncFnOnce(Vec<Running>, &Tally) -> (Vec<Running>, u64),
) -> u64 {
    let service = *nodes.first().expect("a node");
    let (history, tally) = (History::default(), Arc::new(Tally::default()));
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    let caller = Caller::new(&addresses, Arc::clone(&tally));

    let stop = Arc::new(AtomicBool::new(false));
    let running = join_all(nodes.iter().map(|node| node.serve())).await;
    // Few do for a short run.
    let each = number_of("CLAVIGER_KILL_MINUTES").map_or(2, |_| 12);
    let people = people(service, USERS, each);
    let users: Vec<_> = (0..USERS)
        .map(|user| VirtualUser {
            caller: caller.clone(),
            start_url: format!("{}/start", service.issuer()),
            history: history.clone(),
            chance: Chance::of(seed.wrapping_add((user + 1) << 32)),
            names: (people.iter().filter(|(own, _)| *own == user))
                .map(|(_, name)| name.clone())
                .collect(),
            stop: Arc::clone(&stop),
        })
        .map(|user| tokio::spawn(user.live()))
        .collect();
    let (running, blows) = disaster(running, &tally).await;
    stop.store(true, Ordering::Relaxed);
    for user in users {
        user.await.expect("a user comes to its end");
    }

    // One loss more, with nobody there to notice.
    for node in running {
        node.kill();
    }
    let told = reckon(nodes, &caller, &history, rows).await;
    let ended = told
        .stories
        .iter()
        .filter(|story| story.end == End::Ended)
        .count();
    let sessions = told.stories.len();
    let evidence = Evidence::that(format!(
        "{blows} blows, {sessions} sessions, {ended} of them ended"
    ));
    tally
        .told(evidence)
        .lost(told.broken.len())
        .doubled(told.doubled)
        .print();
    assert_eq!(tally.failed.load(Ordering::Relaxed), 0, "an answer of 500");
    assert!(told.broken.is_empty(), "seed {seed}: {:#?}", told.broken);
    // A run in which nothing was lost on the way proves nothing.
    let [unknown, unavailable] =
        [&tally.unknown, &tally.unavailable].map(|count| count.load(Ordering::Relaxed));
    assert!(
        unknown + unavailable >= blows,
        "{blows} blows, {unknown} without an answer"
    );
    assert!(sessions >= 20 && ended >= 5, "{sessions} sessions only");
    blows
}

/// The reckoning, with nodes that start once more: all that clients were told, and what is wrong with it.
pub(super) async fn reckon(
    nodes: &[&Service],
    caller: &Caller,
    history: &History,
    rows: impl Fn() -> Rows,
) -> Told {
    let running = join_all(nodes.iter().map(|node| node.serve())).await;
    let mut told = history.told().clone();
    for story in &mut told.stories {
        if let Err(broken) = checker::ask(caller, story).await {
            told.broken.push(broken);
        }
    }
    for node in running {
        node.terminate();
        node.end().assert_code(0);
    }
    let differences = checker::count(&rows(), &told);
    told.doubled = differences.iter().filter(|(_, more)| *more).count();
    let differences = differences.into_iter().map(|(what, _)| what);
    told.broken.extend(differences);
    told
}

/// The checker can fail: a store that went back in time breaks every promise at once.
#[tokio::test]
async fn the_checker_notices_a_store_that_lost_its_tail() {
    let service = Service::init();
    let (history, tally) = (History::default(), Arc::new(Tally::default()));
    let caller = Caller::new(&[service.address], tally);
    let mut user = VirtualUser {
        caller: caller.clone(),
        start_url: format!("{}/start", service.issuer()),
        history: history.clone(),
        chance: Chance::of(Chance::seed()),
        names: ["alice".to_owned()].into(),
        stop: Arc::default(),
    };
    let running = service.serve().await;
    user.one_session().await.expect("a session before");
    service.admin(&["backup", "backup.db"]).assert_code(0);
    user.one_session()
        .await
        .expect("a session that will be lost");
    running.kill();
    go_back(&service);

    let running = service.serve().await;
    let mut told = history.told().clone();
    let lost = told.stories.last_mut().expect("the lost session");
    lost.end = End::Lives;
    let broken = checker::ask(&caller, lost).await;
    assert!(broken.is_err_and(|why| why.contains("an honest client is out")));
    running.terminate();
    running.end().assert_code(0);
    let differences = checker::count(&rows_of(&service), &told);
    let differences: Vec<_> = differences.into_iter().map(|(what, _)| what).collect();
    let differences = differences.join("\n");
    assert!(
        differences.contains("sessions, as stories: 1 in the store, 2 were due"),
        "{differences}"
    );
}

/// Puts the backup where the store was, as if what came after had never reached the disk.
fn go_back(service: &Service) {
    let data = service.room.work().join("data");
    for name in ["claviger.db-wal", "claviger.db-shm", "claviger.witness"] {
        // Which of them there are depends on the moment of the kill.
        let _ = std::fs::remove_file(data.join(name));
    }
    let backup = service.room.work().join("backup.db");
    std::fs::rename(backup, service.database()).expect("the backup in the store's place");
}

/// The people that each user is, one after the other.
pub(super) fn people(service: &Service, users: u64, each: u64) -> Vec<(u64, String)> {
    let people: Vec<(u64, String)> = (0..users)
        .flat_map(|user| (0..each).map(move |turn| (user, format!("user-{user}-{turn}"))))
        .collect();
    let entries = people
        .iter()
        .map(|(_, name)| format!("[[user]]\nname = \"{name}\"\n\n"));
    service
        .room
        .write("people.toml", &entries.collect::<String>());
    service.admin(&["apply", "people.toml"]).assert_code(0);
    for (_, name) in &people {
        let set = ["user", "set-password", name, "--password-file", "password"];
        service.admin(&set).assert_code(0);
    }
    people
}

/// Kills one node or the other and starts it again until the time is over; all go on at the end.
async fn kill_at_random(
    nodes: &[&Service],
    mut running: Vec<Running>,
    chance: &mut Chance,
) -> (Vec<Running>, u64) {
    let end = until();
    let mut kills = 0;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(chance.within(300..=3_000))).await;
        // The oldest: each in its turn.
        running.remove(0).kill();
        let node = usize::try_from(kills).unwrap_or_default() % nodes.len();
        running.push(nodes.get(node).expect("a node").serve().await);
        kills += 1;
    }
    (running, kills)
}

/// When a run is over.
pub(super) fn until() -> Instant {
    let minutes = number_of("CLAVIGER_KILL_MINUTES").map(|minutes| minutes * 60);
    Instant::now() + minutes.map_or(SHORT, Duration::from_secs)
}
