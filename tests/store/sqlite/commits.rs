//! The writer: plans share commits, the queue is bounded, a failed commit is told apart.

use claviger_store::{
    driver::Driver as _,
    error::Error,
    repository::user,
    sqlite::Fatal,
    statement::{Applied, Plan, Query, Statement},
    value::Value,
};
use claviger_tests::evidence::Evidence;

use super::{create, reopen, with_store};
use crate::fixture::{at, user as a_user};

/// The `number`th of many plans that all hold.
fn insert(number: i64) -> Plan {
    let sql = "INSERT INTO throttle (key_mac, window_start, count) VALUES ($1, $2, 1)";
    Plan::of(Statement::one(sql).bind(&[1; 16]).bind(number))
}

const ROWS: &str = "SELECT count(*) FROM throttle";

#[tokio::test]
async fn plans_that_wait_together_share_a_commit() {
    let (store, opened, _directory) = with_store();
    let waiting: Vec<_> = (0..1000)
        .map(|number| store.apply(insert(number)))
        .collect();
    for answer in waiting {
        assert!(answer.await.is_ok_and(Applied::is_whole));
    }
    assert_eq!(opened.count(ROWS).await, 1000);
    assert!(
        store.commits() <= 100,
        "{} commits for 1000 plans",
        store.commits()
    );
}

#[tokio::test]
async fn a_batch_that_changes_nothing_is_no_commit() {
    let (store, opened, _directory) = with_store();
    let before = store.commits();
    opened.refuse("nobody", user::removing(a_user(9).id)).await;
    assert_eq!(store.commits(), before);
}

#[tokio::test]
async fn r10_the_queue_is_bounded_and_what_it_refuses_is_not_done() {
    let (store, opened, _directory) = with_store();
    let waiting: Vec<_> = (0..20_000)
        .map(|number| store.apply(insert(number)))
        .collect();
    let (mut applied, mut refused) = (0, 0);
    for answer in waiting {
        match answer.await {
            Ok(_) => applied += 1,
            Err(Error::Unavailable(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "20,000 plans at once were all taken");
    assert!(applied >= 4096, "only {applied} plans were taken");
    assert_eq!(opened.count(ROWS).await, applied);
}

#[tokio::test]
async fn f03_work_that_nobody_waits_for_any_more_is_not_begun() {
    let (store, opened, _directory) = with_store();
    let waiting: Vec<_> = (0..600).map(|number| store.apply(insert(number))).collect();
    drop(store.apply(insert(9_999)));
    for answer in waiting {
        assert!(answer.await.is_ok());
    }
    assert_eq!(opened.count(ROWS).await, 600);
    Evidence::that("a plan behind six hundred that nobody waited for")
        .doubled(0)
        .print();
}

/// A constraint that is looked at only in COMMIT makes the commit itself fail.
#[tokio::test]
async fn f07_a_commit_that_fails_is_unknown_and_stops_the_store() {
    let (store, opened, directory) = with_store();
    // A plan that touches no row is not kept, and tables are no rows.
    let tables = Plan::of(Statement::any(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
    ))
    .then(Statement::any(
        "CREATE TABLE children \
               (id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    ))
    .then(user::adding(&a_user(1), at(1)));
    assert!(store.apply(tables).await.is_ok_and(Applied::is_whole));
    let fatal = store.fatal();
    let orphan = Plan::of(Statement::one("INSERT INTO children (id) VALUES (1)"));
    let answer = store.apply(orphan).await;
    assert!(matches!(answer, Err(Error::Unknown(_))), "{answer:?}");
    assert_eq!(
        *fatal.borrow(),
        Some(Fatal::Io),
        "the process is told to exit"
    );
    assert!(matches!(store.health(), Err(Error::Unavailable(_))));
    let later = store
        .apply(Plan::of(user::raising_epoch(a_user(1).id)))
        .await;
    assert!(matches!(later, Err(Error::Unavailable(_))), "{later:?}");
    let log = || std::fs::read(directory.path().join("data/claviger.db-wal")).expect("the log");
    let before = log();
    drop((opened, store));
    assert!(
        !before.is_empty() && log() == before,
        "the log stays for the next start to judge"
    );
    let store = reopen(directory.path());
    assert_eq!(
        user::by_id(&store, a_user(1).id)
            .await
            .expect("a read")
            .map(|u| u.epoch),
        Some(0)
    );
    Evidence::that("a COMMIT that failed")
        .answers(1, 2, 0)
        .lost(0)
        .print();
}

#[tokio::test]
async fn ten_thousand_plans_outlive_a_close() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    for hundred in 0..100 {
        let waiting: Vec<_> = (0..100)
            .map(|number| store.apply(insert(hundred * 100 + number)))
            .collect();
        for answer in waiting {
            assert!(answer.await.is_ok_and(Applied::is_whole));
        }
    }
    drop(store);
    let store = reopen(directory.path());
    let rows = store.fetch(Query::new(ROWS)).await.expect("a read");
    assert!(
        rows.first()
            .is_some_and(|row| row.0 == [Value::Integer(10_000)])
    );
    let log = directory.path().join("data/claviger.db-wal");
    assert!(
        log.metadata().map_or(0, |log| log.len()) < 64 << 20,
        "the log is checkpointed"
    );
}

#[tokio::test]
async fn reads_cannot_write() {
    let (store, opened, _directory) = with_store();
    opened.hold(user::adding(&a_user(1), at(1))).await;
    let answer = store
        .fetch(Query::new("DELETE FROM users RETURNING name"))
        .await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(opened.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn the_settings_are_those_that_keep_data() {
    let (store, _opened, _directory) = with_store();
    let one = async |sql| {
        let rows = store.fetch(Query::new(sql)).await.expect("a read");
        match rows.first().map(|row| row.0.clone()).as_deref() {
            Some([Value::Integer(number)]) => number.to_string(),
            Some([Value::Text(text)]) => text.clone(),
            other => panic!("{sql}: {other:?}"),
        }
    };
    for (sql, expected) in [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA synchronous", "2"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA trusted_schema", "0"),
        ("PRAGMA cell_size_check", "1"),
        ("PRAGMA busy_timeout", "0"),
        ("PRAGMA wal_autocheckpoint", "0"),
        ("PRAGMA query_only", "1"),
        ("SELECT value FROM meta WHERE name = 'schema'", "4"),
        ("SELECT value FROM meta WHERE name = 'store_id'", "suite"),
    ] {
        assert_eq!(one(sql).await, expected, "{sql}");
    }
    let version = one("SELECT sqlite_version()").await;
    let parts: Vec<u32> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    assert!(parts >= vec![3, 51, 3], "SQLite {version}");
}
