//! The commit witness: a store that went back in time says so (F12, R12).

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use claviger_store::{
    driver::Driver as _,
    repository::{rollback, user},
    sqlite::{Opened, SqliteStore},
    statement::{Applied, Plan, Query},
};
use claviger_tests::evidence::Evidence;

use super::{create, options, reopen};
use crate::fixture::{at, user as a_user};

async fn write(store: &SqliteStore, number: u8) {
    let applied = store
        .apply(Plan::of(user::adding(&a_user(number), at(1))))
        .await;
    assert!(applied.is_ok_and(Applied::is_whole));
}

fn witnessed(directory: &Path) -> u64 {
    let bytes = fs::read(directory.join("data/claviger.witness")).unwrap_or_default();
    let sequence = bytes
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let check = bytes
        .last_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    assert!(
        sequence == !check || bytes.is_empty(),
        "the witness's checksum"
    );
    sequence
}

async fn sequence(store: &SqliteStore) -> u64 {
    let query = Query::new("SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'commit_seq'");
    let rows = store.fetch(query).await.expect("a read");
    match rows.first().map(|row| row.0.as_slice()) {
        Some([claviger_store::value::Value::Integer(number)]) => number.unsigned_abs(),
        other => panic!("{other:?}"),
    }
}

/// Waits until the witness has caught up with what was committed.
async fn wait_for_witness(directory: &Path, sequence: u64) {
    let begun = Instant::now();
    while witnessed(directory) < sequence {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the witness stays behind"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Copies the files as a crash would leave them.
fn crash(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("data")).expect("made");
    for name in ["claviger.db", "claviger.db-wal", "claviger.witness"] {
        let source = from.join("data").join(name);
        if source.exists() {
            fs::copy(source, to.join("data").join(name)).expect("copied");
        }
    }
}

fn open_any(directory: &Path) -> (SqliteStore, Opened) {
    SqliteStore::open(&options(directory)).expect("the store opens")
}

#[tokio::test]
async fn r1_a_crash_loses_nothing_that_was_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    for number in 0..100 {
        write(&store, number).await;
        if number % 25 == 0 {
            let copy = directory.path().join(format!("crash-{number}"));
            crash(directory.path(), &copy);
            let after = reopen(&copy);
            let users = user::all(&after).await.expect("a read");
            assert_eq!(users.len(), usize::from(number) + 1);
        }
    }
}

#[tokio::test]
async fn the_witness_follows_within_a_second_and_at_the_close() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    write(&store, 1).await;
    wait_for_witness(directory.path(), sequence(&store).await).await;
    write(&store, 2).await;
    let last = sequence(&store).await;
    drop(store);
    assert_eq!(witnessed(directory.path()), last);
}

#[tokio::test]
async fn r12_a_log_that_lost_its_tail_is_noticed() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("cut in half a frame", |log| log.truncate(log.len() / 2 + 7)),
        ("a bit flipped in an early frame", |log| {
            log[32 + 24 + 100] ^= 1;
        }),
        ("emptied", Vec::clear),
        ("overwritten", |log| log.fill(0)),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    for number in 0..40 {
        write(&store, number).await;
    }
    let last = sequence(&store).await;
    wait_for_witness(directory.path(), last).await;
    for (what, damage) in damages {
        let copy = directory.path().join(what);
        crash(directory.path(), &copy);
        let log = copy.join("data/claviger.db-wal");
        let mut bytes = fs::read(&log).expect("the log");
        damage(&mut bytes);
        fs::write(&log, bytes).expect("written");
        let (after, opened) = open_any(&copy);
        let gone = opened
            .rolled_back
            .unwrap_or_else(|| panic!("{what} went unnoticed"));
        assert!(
            gone.witness == last && gone.store < last,
            "{what}: {gone:?}"
        );
        let epoch = Query::new("SELECT value FROM meta WHERE name = 'store_epoch'");
        let rows = after.fetch(epoch).await.expect("a read");
        let two = claviger_store::value::Value::Text("2".to_owned());
        assert!(
            rows.first().is_some_and(|row| row.0 == [two]),
            "{what}: a new epoch"
        );
    }
    Evidence::that("the log lost its tail").print();
}

#[tokio::test]
async fn r12_an_older_copy_put_back_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    write(&store, 1).await;
    drop(store);
    let database = directory.path().join("data/claviger.db");
    let old = fs::read(&database).expect("the file");
    let store = reopen(directory.path());
    write(&store, 2).await;
    write(&store, 3).await;
    drop(store);
    fs::write(&database, old).expect("put back");
    let (store, opened) = open_any(directory.path());
    let gone = opened.rolled_back.expect("noticed");
    assert_eq!(gone.witness - gone.store, 2);
    write(&store, 4).await;
    drop(store);
    let (store, opened) = open_any(directory.path());
    assert_eq!(
        opened.rolled_back,
        Some(gone),
        "said again, though the witness is written anew"
    );
    let accepting = Plan::of(rollback::accepting());
    assert!(store.apply(accepting).await.expect("applied").is_whole());
    drop(store);
    let (_store, opened) = open_any(directory.path());
    assert_eq!(opened.rolled_back, None, "somebody has accepted it");
    Evidence::that("an older copy was put back").print();
}

#[tokio::test]
async fn a_torn_or_missing_witness_does_not_cry_wolf() {
    for witness in [None, Some(&b"half"[..]), Some(&[0xff; 16])] {
        let directory = tempfile::tempdir().expect("a directory");
        let store = create(directory.path());
        write(&store, 1).await;
        drop(store);
        let path = directory.path().join("data/claviger.witness");
        match witness {
            None => fs::remove_file(&path).expect("removed"),
            Some(bytes) => fs::write(&path, bytes).expect("written"),
        }
        drop(reopen(directory.path()));
    }
}
