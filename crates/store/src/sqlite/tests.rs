//! What only somebody with SQLite in hand can try; all else is in the store suite.

use std::{fs, path::Path};

use rusqlite::Connection;

use super::{Identity, OpenError, Options, SqliteStore, ballast::Ballast};
use crate::{
    driver::Driver as _,
    error::Error,
    statement::{Applied, Plan, Statement},
};

fn create(directory: &Path) -> SqliteStore {
    let identity = Identity {
        store_id: "unit".to_owned(),
    };
    SqliteStore::create(&Options::new(directory.join("data")), &identity).expect("a new store")
}

fn counting() -> Plan {
    let sql = "INSERT INTO throttle (key_mac, window_start, count) VALUES (x'00', 1, 1) \
               ON CONFLICT (key_mac, window_start) DO UPDATE SET count = throttle.count + 1";
    Plan::of(Statement::one(sql))
}

#[tokio::test]
async fn a_writer_from_outside_makes_us_unavailable_only_while_it_writes() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    let outside = Connection::open(directory.path().join("data/claviger.db")).expect("opened");
    outside.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let answer = store.apply(counting()).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert!(store.health().is_ok(), "nothing is wrong with the store");
    outside.execute_batch("ROLLBACK").expect("ended");
    assert!(store.apply(counting()).await.is_ok_and(Applied::is_whole));
}

#[test]
fn f12_a_foreign_database_is_refused_and_not_even_its_journal_mode_is_changed() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    fs::create_dir(&data).expect("made");
    let path = data.join("claviger.db");
    let foreign = Connection::open(&path).expect("made");
    foreign
        .execute_batch("CREATE TABLE theirs (id INTEGER)")
        .expect("a table");
    drop(foreign);
    let before = fs::read(&path).expect("the file");
    let refused = SqliteStore::open(&Options::new(&data)).map(|_| ());
    assert!(
        matches!(refused, Err(OpenError::Corrupt { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(&path).expect("the file"), before);
}

#[test]
fn a_restored_copy_that_left_wal_mode_opens_and_returns_to_it() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(create(directory.path()));
    let path = directory.path().join("data/claviger.db");
    let outside = Connection::open(&path).expect("opened");
    let leave = |mode: &str| {
        outside.pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0))
    };
    assert_eq!(leave("DELETE").expect("a mode"), "delete");
    drop(outside);
    let store = SqliteStore::open(&Options::new(directory.path().join("data"))).expect("it opens");
    drop(store);
    let outside = Connection::open(&path).expect("opened");
    let mode: String = outside
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .expect("a mode");
    assert_eq!(mode, "wal");
}

#[test]
fn f05_ballast_is_exactly_as_large_as_asked_however_it_was_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let ballast = Ballast::in_directory(directory.path(), 1 << 20);
    let size = || fs::metadata(directory.path().join("claviger.ballast")).map(|file| file.len());
    ballast.take().expect("room");
    assert_eq!(size().expect("a file"), 1 << 20);
    ballast.release();
    assert!(size().is_err());
    ballast.take_again().expect("room");
    assert_eq!(size().expect("a file"), 1 << 20);
}
