//! Failover: what was acknowledged is there, and a primary that was replaced is not written to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use claviger_model::session::EndReason;
use claviger_store::{
    driver::Driver as _,
    error::Error,
    postgres::{OpenError, PostgresStore},
    repository::{session, user},
    statement::Plan,
};
use claviger_tests::{
    evidence::Evidence,
    postgres::{self, Pair, Place},
};

use crate::fixture::{at, session as a_session, user as a_user};

const PEOPLE: u8 = 8;

async fn create(pair: &Pair) -> Arc<PostgresStore> {
    Arc::new(pair.create().await)
}

async fn must_write(store: &PostgresStore, plan: Plan) {
    assert!(store.apply(plan).await.expect("a write").is_whole());
}

/// What one writer was told.
#[derive(Default)]
struct Told {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
}

/// Raises a person's epoch again and again, and begins and ends a session each time.
async fn write(store: Arc<PostgresStore>, number: u8, told: Arc<Told>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        match store
            .apply(Plan::of(user::raising_epoch(a_user(number).id)))
            .await
        {
            Ok(applied) => {
                assert!(applied.is_whole());
                told.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Unknown(_)) => {
                told.unknown.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Unavailable(_)) => {}
            Err(other) => panic!("no answer for it but 503: {other}"),
        }
    }
}

fn all(told: &[Arc<Told>]) -> i64 {
    told.iter()
        .map(|told| told.acknowledged.load(Ordering::Relaxed))
        .sum()
}

/// Waits until the writers have had that many more answers.
async fn until(told: &[Arc<Told>], more: i64) {
    let due = all(told) + more;
    while all(told) < due {
        tokio::task::yield_now().await;
    }
}

/// Waits until the store's own look at itself, once a second, has seen what its callers saw.
async fn until_well(store: &PostgresStore) {
    let began = Instant::now();
    while let Err(why) = store.health() {
        assert!(began.elapsed() < Duration::from_secs(5), "still: {why}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_primary_that_dies_loses_nothing_that_was_acknowledged() {
    let pair = Pair::default();
    let store = create(&pair).await;
    assert_eq!(store.caution(), None, "it has a synchronous standby");
    for number in 1..=PEOPLE {
        must_write(&store, Plan::of(user::adding(&a_user(number), at(1)))).await;
    }
    must_write(&store, Plan::of(session::starting(&a_session(1)))).await;
    let stop = Arc::<AtomicBool>::default();
    let told: Vec<_> = (1..=PEOPLE).map(|_| Arc::<Told>::default()).collect();
    let writers: Vec<_> = (1..=PEOPLE)
        .zip(&told)
        .map(|(number, told)| {
            let (store, told, stop) = (Arc::clone(&store), Arc::clone(told), Arc::clone(&stop));
            tokio::spawn(write(store, number, told, stop))
        })
        .collect();
    until(&told, 200).await;
    // The last word before the end.
    let end = session::ending(a_session(1).id, EndReason::Logout, at(200));
    must_write(&store, Plan::of(end)).await;
    pair.kill_primary();
    let before = all(&told);
    pair.promote();
    let promoted = Instant::now();
    while all(&told) == before {
        tokio::task::yield_now().await;
    }
    let took = promoted.elapsed();
    until(&told, 200).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no answer but those that may be");
    }
    assert!(
        took < Duration::from_secs(5),
        "{took:?} after the promotion"
    );
    let mut unanswered = 0;
    for (number, told) in (1..=PEOPLE).zip(&told) {
        let found = user::by_id(store.as_ref(), a_user(number).id).await;
        let epoch = found.expect("a read").expect("a person").epoch;
        let acknowledged = told.acknowledged.load(Ordering::Relaxed);
        let unknown = told.unknown.load(Ordering::Relaxed);
        unanswered += unknown;
        assert!(
            (acknowledged..=acknowledged + unknown).contains(&epoch),
            "{epoch} where {acknowledged} were acknowledged and of {unknown} nobody knows"
        );
    }
    let ended = session::with_user(store.as_ref(), a_session(1).id).await;
    let (ended, _) = ended.expect("a read").expect("a session");
    assert_eq!(
        ended.revoked_at,
        Some(at(200)),
        "a revocation that was acknowledged"
    );
    until_well(&store).await;
    Evidence::that("the primary died under eight writers")
        .answers(all(&told).unsigned_abs(), 0, unanswered.unsigned_abs())
        .lost(0)
        .doubled(0)
        .recovered_in(took)
        .print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_primary_that_was_replaced_is_not_written_to_when_it_comes_back() {
    let mut pair = Pair::default();
    let store = create(&pair).await;
    must_write(&store, Plan::of(user::adding(&a_user(1), at(1)))).await;
    pair.kill_primary();
    pair.promote();
    let raise = || Plan::of(user::raising_epoch(a_user(1).id));
    // One that was under way when the connection broke may be unknown; the next one holds.
    while store.apply(raise()).await.is_err() {}
    let epoch = pair.sql_at_second("SELECT user_epoch FROM users");
    pair.raise_the_dead();
    assert_eq!(
        pair.sql_at_first("SELECT pg_is_in_recovery()"),
        "f",
        "it takes itself for a primary"
    );
    // A node that starts now sees both, and takes the one that is.
    let node = postgres::open(&pair.address())
        .await
        .expect("it finds the primary");
    must_write(&node, raise()).await;
    must_write(&store, raise()).await;
    // With nobody else left it is still not written to.
    pair.kill_standby();
    for node in [&node, store.as_ref()] {
        let answer = node.apply(raise()).await;
        assert!(
            matches!(answer, Err(Error::Unavailable(_) | Error::Unknown(_))),
            "{answer:?}"
        );
        let again = node.apply(raise()).await;
        let Err(Error::Unavailable(why)) = again else {
            panic!("{again:?}");
        };
        assert!(why.contains("timeline"), "{why}");
    }
    // Nor by a node that starts anew and remembers the one that replaced it.
    let Err(OpenError::Unreachable { problem, .. }) =
        postgres::open_after(&pair.address(), store.lineage()).await
    else {
        panic!("it is taken for the primary");
    };
    assert!(problem.contains("timeline"), "{problem}");
    assert_ne!(epoch, "0");
    assert_eq!(
        pair.sql_at_first("SELECT user_epoch FROM users"),
        "0",
        "nothing was written there"
    );
    Evidence::that("the first primary came back, beside the other and alone")
        .lost(0)
        .print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_wait_for_the_standby_that_is_cancelled_is_unknown() {
    let pair = Pair::default();
    let store = create(&pair).await;
    must_write(&store, Plan::of(user::adding(&a_user(1), at(1)))).await;
    pair.kill_standby();
    let raising = Plan::of(user::raising_epoch(a_user(1).id));
    let writing = tokio::spawn(async move { store.apply(raising).await });
    let cancel =
        "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while pair.sql_at_first(cancel) == "0" {
        tokio::task::yield_now().await;
    }
    let answer = writing.await.expect("no panic");
    let Err(Error::Unknown(why)) = answer else {
        panic!("the server says yes, and it may be lost: {answer:?}");
    };
    assert!(why.contains("the standby did not confirm it"), "{why}");
    // So it is: kept, by this server alone.
    assert_eq!(pair.sql_at_first("SELECT user_epoch FROM users"), "1");
    Evidence::that("a wait for the standby, cancelled")
        .answers(0, 0, 1)
        .lost(0)
        .print();
}

/// A database that was copied elsewhere, its old host and its new one both in the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_a_database_of_another_cluster_does_not_take_over() {
    let (pair, place) = (Pair::default(), Place::default());
    pair.wait_for_nobody();
    let one = pair.create().await;
    must_write(&one, Plan::of(user::adding(&a_user(1), at(1)))).await;
    drop(place.create().await);
    let own = one.lineage();
    drop(one);
    // The copy first: it answers, and is not what is remembered.
    let both = format!(
        "postgres://claviger@{},{}/postgres?options=-c%20search_path%3D{}%2Cpublic",
        place.host(),
        pair.host(),
        place.schema()
    );
    let store = postgres::open_after(&both, own).await;
    let store = store.expect("its own server");
    for _ in 0..20 {
        must_write(&store, Plan::of(user::raising_epoch(a_user(1).id))).await;
    }
    assert_eq!(store.lineage().system, own.system);
    assert_eq!(pair.sql_at_first("SELECT user_epoch FROM users"), "20");
    // Its own is gone: that is no reason to go on with a copy.
    pair.kill_primary();
    let answer = store
        .apply(Plan::of(user::raising_epoch(a_user(1).id)))
        .await;
    assert!(answer.is_err(), "{answer:?}");
    let why = store
        .apply(Plan::of(user::raising_epoch(a_user(1).id)))
        .await;
    let Err(Error::Unavailable(why)) = why else {
        panic!("{why:?}");
    };
    assert!(
        why.contains("not the database that was served before"),
        "{why}"
    );
    assert_eq!(place.sql("SELECT count(*) FROM users"), "0");
    // Who remembers nothing is not to draw lots between two that are there.
    pair.promote();
    let refused = postgres::open(&both.replace(&pair.host(), &pair.standby_host())).await;
    let refused = refused.err().expect("a refusal").to_string();
    assert!(refused.contains("different databases"), "{refused}");
    Evidence::that("a copy on another cluster, beside the database and without it")
        .answers(20, 0, 2)
        .lost(0)
        .print();
}
