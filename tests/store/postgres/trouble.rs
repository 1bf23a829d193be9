//! Trouble: deadlocks, connections that are cut, and a server that hangs.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_store::{
    driver::Driver as _,
    error::Error,
    postgres::PostgresStore,
    repository::user,
    statement::{Plan, Query, Statement},
    value::Value,
};
use claviger_tests::{
    clock::{ManualClock, START},
    evidence::Evidence,
    postgres::{Pair, Place},
};

use super::add_people;
use crate::fixture::{at, user as a_user};

async fn with_people(count: u8) -> (Place, Arc<PostgresStore>) {
    let place = Place::default();
    let store = Arc::new(place.create().await);
    add_people(store.as_ref(), count).await;
    (place, store)
}

/// Raises two people's epochs, one after the other.
fn raising(first: u8, second: u8) -> Plan {
    Plan::of(user::raising_epoch(a_user(first).id)).then(user::raising_epoch(a_user(second).id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_plans_that_lock_each_other_out_are_all_applied_once() {
    let (place, store) = with_people(2).await;
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let store = Arc::clone(&store);
            let plan = if number % 2 == 0 {
                raising(1, 2)
            } else {
                raising(2, 1)
            };
            tokio::spawn(async move { store.apply(plan).await })
        })
        .collect();
    let mut applied = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(whole) => applied += i64::from(whole.is_whole()),
            // Nothing was written, and that is what it says.
            Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error}"),
        }
    }
    let epochs = place.sql("SELECT DISTINCT user_epoch FROM users");
    assert_eq!(epochs, applied.to_string(), "neither lost nor doubled");
    assert!(applied >= 2, "{applied}");
    Evidence::that(format!("four plans in two orders, {applied} applied"))
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn f13_connections_that_the_server_ends_are_replaced_unseen() {
    let (place, store) = with_people(1).await;
    for round in 1..=5 {
        assert!(place.cut() > 0, "there was one to end");
        let found = user::by_id(store.as_ref(), a_user(1).id).await;
        assert_eq!(found.expect("a read").expect("a person").epoch, round - 1);
        let raised = store
            .apply(Plan::of(user::raising_epoch(a_user(1).id)))
            .await;
        assert!(raised.expect("a write").is_whole());
    }
    Evidence::that("connections ended by the server, five times")
        .answers(10, 0, 0)
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn f13_a_table_that_somebody_locks_costs_seconds_and_writes_nothing() {
    let (place, store) = with_people(1).await;
    // Held by a transaction of another connection until it is let go.
    let holder = store.fetch(Query::new("SELECT 1")).await;
    holder.expect("it works");
    let lock = std::thread::spawn(move || {
        place.sql("BEGIN; LOCK TABLE users; SELECT pg_sleep(4); COMMIT");
        place
    });
    let begun = tokio::time::Instant::now();
    let mut answers = Vec::new();
    while begun.elapsed().as_secs() < 3 {
        answers.push(
            store
                .apply(Plan::of(user::raising_epoch(a_user(1).id)))
                .await,
        );
    }
    let whole = answers
        .iter()
        .flatten()
        .filter(|applied| applied.is_whole())
        .count();
    let failed: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert!(!failed.is_empty(), "it was locked");
    for error in failed {
        assert!(
            matches!(error, Error::Unavailable(_) | Error::Unknown(_)),
            "{error}"
        );
    }
    let place = lock.join().expect("the lock is let go");
    let epoch: usize = place
        .sql("SELECT user_epoch FROM users")
        .parse()
        .expect("a number");
    let unknown = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Error::Unknown(_))))
        .count();
    assert!(
        (whole..=whole + unknown).contains(&epoch),
        "{whole} acknowledged, {unknown} unknown, {epoch} done"
    );
    let after = store
        .apply(Plan::of(user::raising_epoch(a_user(1).id)))
        .await;
    assert!(after.expect("it works again").is_whole());
    Evidence::that("a table locked for four seconds")
        .answers(
            whole as u64,
            (answers.len() - whole - unknown) as u64,
            unknown as u64,
        )
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_our_bug_and_says_no_value() {
    let (_place, store) = with_people(1).await;
    let wrong = Statement::any("UPDATE users SET user_epoch = $1").bind("hunter2");
    let answer = store.apply(Plan::of(wrong)).await;
    let Err(Error::Statement(why)) = answer else {
        panic!("{answer:?}");
    };
    assert!(!why.contains("hunter2"), "{why}");
    let rows = store.fetch(Query::new("SELECT count(*) FROM users")).await;
    assert_eq!(rows.expect("a read")[0].0, [Value::Integer(1)]);
}

#[tokio::test]
async fn f15_a_node_whose_clock_is_wrong_does_nothing_until_it_is_right() {
    let (place, store) = with_people(1).await;
    let there: i64 = place
        .sql("SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)")
        .parse()
        .expect("a number");
    let clock = Arc::<ManualClock>::default();
    clock.advance(there - START);
    let shared = store.clock(Arc::clone(&clock) as _).await;
    let until = async |well: bool| {
        while store.health().is_ok() != well {
            tokio::task::yield_now().await;
        }
    };
    let raise = || store.apply(Plan::of(user::raising_epoch(a_user(1).id)));
    for (ahead, word) in [(3600, "ahead of"), (-7200, "behind")] {
        clock.advance(ahead);
        // At once: what a clock that jumped would decide must not be written.
        assert!(store.health().is_err());
        let word_of = async || match raise().await {
            Err(Error::Unavailable(why)) => why,
            other => panic!("it went on: {other:?}"),
        };
        let told = word_of().await;
        assert!(told.contains(word), "{told}");
        assert!(store.fetch(Query::new("SELECT 1")).await.is_err());
        // What is decided by is the database's clock, whatever the machine's shows.
        let now = shared.now().epoch_seconds();
        assert!(
            (there - 1..=there + 60).contains(&now),
            "{now}, not {there}"
        );
    }
    assert_eq!(place.sql("SELECT user_epoch FROM users"), "0");
    clock.advance(3600);
    until(true).await;
    assert!(raise().await.expect("it goes on").is_whole());
    Evidence::that("an hour ahead, an hour behind")
        .lost(0)
        .print();
}

/// Stopped as by a hypervisor, then gone and started anew: seconds of 503 each, and it goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_a_server_that_stands_still_and_one_that_starts_anew_cost_seconds() {
    let mut pair = Pair::default();
    pair.wait_for_nobody();
    let store = pair.create().await;
    let added = store.apply(Plan::of(user::adding(&a_user(1), at(1)))).await;
    assert!(added.expect("a write").is_whole());
    let raise = || store.apply(Plan::of(user::raising_epoch(a_user(1).id)));
    let (mut done, mut unknown, mut refused) = (0, 0, 0);
    let mut recovery = Duration::ZERO;
    for fault in ["stopped", "restarted"] {
        if fault == "stopped" {
            pair.freeze_primary();
        } else {
            pair.kill_primary();
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            let asked = Instant::now();
            match raise().await {
                Err(Error::Unknown(_)) => unknown += 1,
                Err(Error::Unavailable(_)) => refused += 1,
                other => panic!("{fault}, and it says {other:?}"),
            }
            let took = asked.elapsed();
            assert!(took < Duration::from_secs(3), "{fault}: {took:?}");
            tokio::task::yield_now().await;
        }
        assert!(store.health().is_err(), "{fault}");
        if fault == "stopped" {
            pair.thaw_primary();
        } else {
            pair.raise_the_dead();
        }
        let healed = Instant::now();
        loop {
            match raise().await {
                Ok(applied) => {
                    assert!(applied.is_whole());
                    done += 1;
                    if store.health().is_ok() {
                        break;
                    }
                }
                Err(Error::Unknown(_)) => unknown += 1,
                Err(_) => refused += 1,
            }
            let waited = healed.elapsed();
            assert!(
                waited < Duration::from_secs(2),
                "{fault}: not back after {waited:?}"
            );
        }
        recovery = recovery.max(healed.elapsed());
    }
    assert!(refused > 0, "nobody was told");
    let epoch: u64 = pair
        .sql_at_first("SELECT user_epoch FROM users")
        .parse()
        .expect("a number");
    assert!(
        (done..=done + unknown).contains(&epoch),
        "{done} acknowledged, of {unknown} nobody knows, {epoch} done"
    );
    Evidence::that("a server stopped for four seconds, then killed and started")
        .answers(done, refused, unknown)
        .lost(0)
        .recovered_in(recovery)
        .print();
}

/// Whoever asks and goes away costs the answer, and no connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_hang_up_leave_their_connections_to_others() {
    let (place, store) = with_people(1).await;
    let processes = || {
        let mine = format!(
            "SELECT pid FROM pg_stat_activity WHERE application_name = '{}'",
            place.schema()
        );
        place
            .sql(&mine)
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let before = processes();
    for _ in 0..50 {
        let slow = store.fetch(Query::new("SELECT 1 FROM pg_sleep(0.01)"));
        let hung_up = tokio::time::timeout(Duration::from_millis(2), slow).await;
        assert!(hung_up.is_err(), "it was answered before");
    }
    store.fetch(Query::new("SELECT 1")).await.expect("a read");
    let after = processes();
    assert!(before.is_subset(&after), "{before:?} {after:?}");
    assert!(after.len() <= before.len() + 16, "{before:?} {after:?}");
}
