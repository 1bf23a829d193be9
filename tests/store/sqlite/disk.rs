//! A full disk (F05, F06): reads go on, ending goes on, nothing half-done is left, and room is
//! noticed without a restart.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use claviger_model::session::EndReason;
use claviger_store::{
    driver::Driver as _,
    error::Error,
    repository::{session, user},
    sqlite::{Options, SqliteStore},
    statement::{Applied, Plan, Statement},
};
use claviger_tests::evidence::Evidence;

use super::{create, identity, options, reopen};
use crate::fixture::{Opened, at, session as a_session, user as a_user};

/// Fat rows of an event that never was.
fn fat(number: i64) -> Plan {
    let sql = "INSERT INTO audit (node, seq, at, action, actor, subject, detail) \
               VALUES ('n', $1, 1, 'sign_in', 'a', 'a', $2)";
    Plan::of(Statement::one(sql).bind(number).bind("x".repeat(2000)))
}

/// A store on a disk of 80 pages, with one session in it.
fn small(directory: &Path) -> Opened {
    let options = Options {
        max_pages: Some(80),
        ballast: 1 << 20,
        ..options(directory)
    };
    let store = SqliteStore::create(&options, &identity()).expect("a store");
    Opened {
        driver: std::sync::Arc::new(store),
        _kept: Box::new(()),
    }
}

/// Fills the disk; answers how many rows went in.
async fn fill(store: &Opened) -> i64 {
    for number in 0..10_000 {
        match store.driver().apply(fat(number)).await {
            Ok(applied) => assert!(applied.is_whole()),
            Err(Error::Unavailable(_)) => return number,
            Err(other) => panic!("a full disk is no riddle: {other}"),
        }
    }
    panic!("the disk does not fill");
}

async fn wait_for_health(store: &Opened) {
    let begun = Instant::now();
    while store.driver().health().is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "room is not noticed"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn f05_on_a_full_disk_reads_and_ends_go_on_and_the_rest_waits() {
    let directory = tempfile::tempdir().expect("a directory");
    let ballast = directory.path().join("data/claviger.ballast");
    let store = small(directory.path());
    store.hold(user::adding(&a_user(1), at(1))).await;
    store.hold(session::starting(&a_session(1))).await;
    assert!(ballast.exists(), "room is held back");
    let rows = fill(&store).await;
    assert!(rows > 10 && !ballast.exists(), "the ballast is released");
    let health = store.driver().health();
    assert!(matches!(&health, Err(Error::Unavailable(why)) if why.contains("disk is full")));
    assert_eq!(
        store.count("SELECT count(*) FROM audit").await,
        rows,
        "nothing half-done"
    );
    let begun = Instant::now();
    let answer = store.driver().apply(fat(20_000)).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))) && begun.elapsed().as_secs() < 1);
    store
        .hold(session::ending(a_session(1).id, EndReason::Logout, at(200)))
        .await;
    assert_eq!(
        store.session(a_session(1).id).await.revoked_at,
        Some(at(200))
    );
    wait_for_health(&store).await;
    assert!(ballast.exists(), "room is held back again");
    drop(store);
    let store = reopen(directory.path());
    assert!(
        store.apply(fat(30_000)).await.is_ok_and(Applied::is_whole),
        "the disk grew"
    );
    Evidence::that(format!("full after {rows} rows"))
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn f06_freed_room_is_used_again_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = small(directory.path());
    let rows = fill(&store).await;
    let delete = "DELETE FROM audit WHERE seq < $1";
    let freed = store
        .apply(Plan::of(Statement::any(delete).bind(rows).even_when_full()))
        .await;
    assert!(freed.is_whole());
    wait_for_health(&store).await;
    store.hold_plan(fat(40_000)).await;
    Evidence::that(format!("full after {rows} rows"))
        .lost(0)
        .print();
}

#[tokio::test]
async fn f06_a_full_disk_in_the_middle_of_a_batch_keeps_none_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = small(directory.path());
    let fill: Vec<_> = (0..200)
        .map(|number| store.driver().apply(fat(number)))
        .collect();
    let mut applied = 0;
    for answer in fill {
        applied += i64::from(matches!(answer.await, Ok(Applied::Whole { .. })));
    }
    assert!(applied < 200, "the disk does not fill");
    assert_eq!(store.count("SELECT count(*) FROM audit").await, applied);
    let sound = store.count("SELECT count(*) FROM pragma_quick_check WHERE quick_check = 'ok'");
    assert_eq!(sound.await, 1);
    Evidence::that(format!("full in a batch, {applied} of 200 plans done"))
        .lost(0)
        .doubled(0)
        .print();
}

#[test]
fn the_ballast_takes_up_real_room_and_may_be_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    let metadata = std::fs::metadata(directory.path().join("data/claviger.ballast"));
    assert!(metadata.expect("a file").blocks() * 512 >= 16 << 20);
    drop(store);
    let none = tempfile::tempdir().expect("a directory");
    let options = Options {
        ballast: 0,
        ..options(none.path())
    };
    let _store = SqliteStore::create(&options, &identity()).expect("a store");
    assert!(!none.path().join("data/claviger.ballast").exists());
}
