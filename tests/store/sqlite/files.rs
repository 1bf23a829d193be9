//! Files: what is refused, what is never replaced, who may open them (F12, F31).

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use claviger_model::session::{Parent, Session};
use claviger_store::{
    driver::Driver as _,
    error::Error,
    repository::{replay, session, user},
    sqlite::{Fatal, OpenError, SqliteStore},
    statement::{Applied, Plan, Statement},
};
use claviger_tests::evidence::Evidence;

use super::{create, identity, options, reopen};
use crate::fixture::{at, session as a_session, user as a_user};

fn database(directory: &Path) -> std::path::PathBuf {
    directory.join("data/claviger.db")
}

async fn filled(directory: &Path) {
    let store = create(directory);
    for number in 0..200 {
        let applied = store
            .apply(Plan::of(user::adding(&a_user(number), at(1))))
            .await;
        assert!(applied.is_ok_and(Applied::is_whole));
    }
}

fn refusal(directory: &Path) -> OpenError {
    match SqliteStore::open(&options(directory)) {
        Ok(_) => panic!("the store opened"),
        Err(error) => error,
    }
}

#[test]
fn an_empty_directory_names_init() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::NotInitialised(_)) && error.to_string().contains("init"));
}

#[tokio::test]
async fn a_second_store_is_never_made_over_a_first() {
    let directory = tempfile::tempdir().expect("a directory");
    filled(directory.path()).await;
    let before = fs::read(database(directory.path())).expect("the file");
    let again = SqliteStore::create(&options(directory.path()), &identity());
    assert!(matches!(again.map(|_| ()), Err(OpenError::AlreadyThere(_))));
    assert_eq!(
        fs::read(database(directory.path())).expect("the file"),
        before
    );
}

#[tokio::test]
async fn f12_a_database_that_is_gone_is_neither_made_anew_nor_called_uninitialised() {
    let directory = tempfile::tempdir().expect("a directory");
    filled(directory.path()).await;
    fs::remove_file(database(directory.path())).expect("removed");
    let again = SqliteStore::create(&options(directory.path()), &identity());
    assert!(matches!(again.map(|_| ()), Err(OpenError::AlreadyThere(_))));
    assert!(matches!(
        refusal(directory.path()),
        OpenError::Corrupt { .. }
    ));
    assert!(!database(directory.path()).exists());
    Evidence::that("the file was taken away").print();
}

#[test]
fn an_unfinished_init_is_begun_again() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("data")).expect("made");
    fs::write(directory.path().join("data/claviger.db-new"), b"half a da").expect("written");
    drop(create(directory.path()));
    drop(reopen(directory.path()));
}

#[tokio::test]
async fn f12_empty_foreign_and_damaged_files_are_refused_and_left_alone() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("zero length", Vec::clear),
        ("other file", |bytes| {
            *bytes = b"PNG or whatever else it may be".repeat(50);
        }),
        ("first page", |bytes| bytes[100..160].fill(0xff)),
        ("every other page", |bytes| {
            bytes
                .chunks_mut(4096)
                .skip(1)
                .for_each(|page| page[..16].fill(0xff));
        }),
        ("cut short", |bytes| bytes.truncate(4096 * 3)),
    ];
    for (what, damage) in damages {
        let directory = tempfile::tempdir().expect("a directory");
        filled(directory.path()).await;
        let path = database(directory.path());
        let mut bytes = fs::read(&path).expect("the file");
        damage(&mut bytes);
        fs::write(&path, &bytes).expect("written");
        let error = refusal(directory.path());
        assert!(
            matches!(error, OpenError::Corrupt { .. }),
            "{what}: {error}"
        );
        assert!(error.to_string().contains("backup"), "{what}: {error}");
        assert_eq!(
            fs::read(&path).expect("the file"),
            bytes,
            "{what} was touched"
        );
    }
    Evidence::that("empty, foreign, cut, flipped: each was met").print();
}

#[tokio::test]
async fn f12_a_page_that_breaks_under_a_running_store_stops_it() {
    let directory = tempfile::tempdir().expect("a directory");
    filled(directory.path()).await;
    let store = reopen(directory.path());
    let fatal = store.fatal();
    let mut bytes = fs::read(database(directory.path())).expect("the file");
    bytes
        .chunks_mut(4096)
        .skip(1)
        .for_each(|page| page[..16].fill(0xff));
    let mut file = fs::File::options()
        .write(true)
        .open(database(directory.path()))
        .expect("file");
    file.write_all(&bytes).expect("written");
    let answer = user::all(&store).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert_eq!(*fatal.borrow(), Some(Fatal::Corrupt));
    assert!(store.health().is_err());
    Evidence::that("all pages but the first broken under a running store").print();
}

/// A store of the first release is opened by this one: nothing is lost, and what is new works.
#[tokio::test]
async fn f24_a_store_of_the_first_schema_goes_on_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    let before = a_session(7);
    let back = [
        "DROP TABLE machine_keys",
        "DROP TABLE replay",
        "DROP INDEX users_by_email",
        "ALTER TABLE sessions DROP COLUMN parent",
        "ALTER TABLE auth_codes DROP COLUMN nonce",
        "ALTER TABLE keyring DROP COLUMN rsa",
        "UPDATE meta SET value = '1' WHERE name = 'schema'",
    ];
    let plan = Plan::of(user::adding(&a_user(1), at(100)))
        .then(session::starting(&before))
        .and(Plan(back.into_iter().map(Statement::any).collect()));
    assert!(store.apply(plan).await.is_ok_and(Applied::is_whole));
    drop(store);
    let (store, _) = SqliteStore::open(&options(directory.path())).expect("opened");
    let found = session::with_user(&store, before.id).await.expect("a read");
    let (found, _) = found.expect("the session");
    assert_eq!((found.id, found.parent), (before.id, None));
    let child = Session {
        parent: Some(Parent {
            id: before.id,
            ends_at: None,
        }),
        ..a_session(8)
    };
    let once = replay::remembering(&[1; 32], at(200));
    let plan = Plan::of(session::starting(&child)).then(once.clone());
    assert!(store.apply(plan).await.is_ok_and(Applied::is_whole));
    assert!(
        !store
            .apply(Plan::of(once))
            .await
            .is_ok_and(Applied::is_whole)
    );
    let found = session::with_user(&store, child.id).await.expect("a read");
    let parent = found.and_then(|(child, _)| child.parent).expect("a parent");
    assert_eq!(parent.ends_at, Some(before.expires_at()));
    Evidence::that("a store of the first schema")
        .lost(0)
        .print();
}

#[tokio::test]
async fn f24_a_newer_schema_is_refused_and_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    let newer = Statement::one("UPDATE meta SET value = '99' WHERE name = 'schema'");
    assert!(
        store
            .apply(Plan::of(newer))
            .await
            .is_ok_and(Applied::is_whole)
    );
    drop(store);
    let error = refusal(directory.path());
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 99,
                known: 4
            }
        ),
        "{error}"
    );
    Evidence::that("a schema of a later release").print();
}

#[test]
fn f31_a_second_opening_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = create(directory.path());
    assert!(matches!(refusal(directory.path()), OpenError::Locked(_)));
    drop(first);
    drop(reopen(directory.path()));
    Evidence::that("a second opening in one process").print();
}

#[test]
fn f31_another_process_is_kept_out_and_keeps_us_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let lock = directory.path().join("data/claviger.lock");
    let store = create(directory.path());
    // util-linux's flock takes the same lock from another process.
    let refused = Command::new("flock")
        .arg("-n")
        .arg(&lock)
        .arg("true")
        .status();
    assert!(!refused.expect("flock of util-linux runs").success());
    drop(store);
    let mut holder = Command::new("flock")
        .arg(&lock)
        .args(["sh", "-c", "echo held; read until"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock of util-linux runs");
    let mut line = String::new();
    let output = holder.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert!(matches!(refusal(directory.path()), OpenError::Locked(_)));
    drop(holder.stdin.take());
    holder.wait().expect("it ends");
    drop(reopen(directory.path()));
    Evidence::that("two processes at one store, each of them first once").print();
}

#[test]
fn the_directory_is_its_owners_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let _store = create(directory.path());
    let metadata = fs::metadata(directory.path().join("data")).expect("metadata");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn f30_a_backup_is_private_whole_and_opens_as_a_store() {
    let directory = tempfile::tempdir().expect("a directory");
    filled(directory.path()).await;
    let store = reopen(directory.path());
    let copy = directory.path().join("copy/data/claviger.db");
    fs::create_dir_all(copy.parent().expect("a parent")).expect("made");
    store.backup_to(&copy).expect("a backup");
    assert_eq!(
        fs::metadata(&copy).expect("it").permissions().mode() & 0o777,
        0o600
    );
    let again = store.backup_to(&copy);
    assert!(
        matches!(again, Err(Error::Unavailable(_))),
        "a backup is not written over"
    );
    let late = store.apply(Plan::of(user::removing(a_user(7).id))).await;
    assert!(late.is_ok_and(Applied::is_whole), "the store works on");
    let restored = reopen(&directory.path().join("copy"));
    assert_eq!(user::all(&restored).await.expect("a read").len(), 200);
    Evidence::that("a backup, opened as a store")
        .lost(0)
        .print();
}
