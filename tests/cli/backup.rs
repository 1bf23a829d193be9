//! Backup and restore, as docs/operate.md tells it: the store's copy and the key file are all that
//! a new machine needs.

use std::fs;

use claviger_tests::{
    aws::{Client, Tokens},
    child::{self, Running},
    evidence::Evidence,
    instance::Service,
    postgres::Place,
    room::Room,
};

use crate::transcript::assert_transcript;

/// Puts a backup and a key file where a fresh machine expects them.
fn restore(backup: &Service, keys: &Service) -> Service {
    let room = Room::new();
    let data = room.work().join("data");
    fs::create_dir(&data).expect("a data directory");
    let copy = |from: &Service, name: &str, to: &str| {
        fs::copy(from.room.work().join(name), room.work().join(to)).expect("a copy");
    };
    copy(backup, "backup.db", "data/claviger.db");
    copy(keys, "keys", "keys");
    Service::at(room)
}

#[tokio::test]
async fn a_restored_backup_serves_the_sessions_of_its_time() {
    let mut old = Service::init();
    let running = old.serve().await;
    let (client, tokens) = old.sign_in_device().await;
    assert_transcript!("backup", old.admin(&["backup", "backup.db"]));
    assert_transcript!("backup_twice", old.admin(&["backup", "backup.db"]));
    running.kill();

    let restored = restore(&old, &old);
    let running = restored.serve().await;
    let aws = restored.aws();
    aws.list_accounts(&tokens.access).await.assert_status(200);
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_status(200);
    let mut browser = restored.browser();
    let signed_in = browser
        .sign_in("alice", claviger_tests::instance::PASSWORD)
        .await;
    signed_in.assert_status(303);
    drop(running);
    old.arguments.clear();
}

#[test]
fn a_backup_that_cannot_be_written_says_who_would_write_it() {
    let service = Service::init();
    let ended = service.admin(&["backup", "nowhere/backup.db"]);
    ended.assert_code(1).assert_says(&[
        "no backup was made",
        "nowhere/backup.db",
        "a running service",
    ]);
}

/// As docs/operate.md has its commands.
#[test]
fn the_configuration_is_named_once_in_the_environment() {
    let service = Service::init();
    service.room.write(
        "claviger.toml",
        "data_dir = \"data\"\nkey_file = \"keys\"\n",
    );
    let mut command = service.room.claviger(&["admin", "backup", "backup.db"]);
    child::run(command.env("CLAVIGER_CONFIG", "claviger.toml")).assert_code(0);
}

#[test]
fn a_backup_without_its_own_key_file_is_refused() {
    let (old, other) = (Service::init(), Service::init());
    old.admin(&["backup", "backup.db"]).assert_code(0);
    let restored = restore(&old, &other);
    let ended = restored.launch().end();
    ended.assert_code(78);
    assert_transcript!("backup_foreign_keys", ended);
}

/// A service on PostgreSQL with somebody signed in, then a dump, then a sign-out and another sign-in.
async fn with_a_past() -> (Place, Service, Running, Vec<u8>, SignedIn, SignedIn) {
    let place = Place::default();
    let service = Service::init_in(Some(place.address()));
    let running = service.serve().await;
    let kept = service.sign_in_device().await;
    let dump = place.dump();
    service
        .aws()
        .logout(&kept.1.access)
        .await
        .assert_status(200);
    let lost = service.sign_in_device().await;
    // What was acknowledged is remembered within a second.
    let last =
        "SELECT seq FROM audit WHERE action = 'session.start' ORDER BY at DESC, seq DESC LIMIT 1";
    let written = place.sql(last);
    child::wait_until("the witness has seen the last record", || {
        service.remembers(2).as_ref() == Some(&written)
    });
    (place, service, running, dump, kept, lost)
}

type SignedIn = (Client, Tokens);

#[tokio::test]
async fn f30_a_database_that_was_restored_is_noticed_and_ends_everything_on_demand() {
    let (place, service, running, dump, kept, lost) = with_a_past().await;
    running.terminate();
    running.end().assert_code(0);
    place.restore(&dump);

    let running = service.serve().await;
    running.stderr_line(|line| line.contains("gone back in time").then_some(()));
    assert_eq!(
        place.sql("SELECT value FROM meta WHERE name = 'store_epoch'"),
        "2"
    );
    let aws = service.aws();
    // As the line says: what was ended since then is good again, what began since then is unknown.
    aws.list_accounts(&kept.1.access).await.assert_status(200);
    aws.refresh(&lost.0, lost.1.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    let listed = service.admin(&["user", "list"]);
    listed.assert_code(0);
    service.admin(&["sessions", "end", "--all"]).assert_code(0);
    aws.list_accounts(&kept.1.access).await.assert_status(401);
    running.terminate();
    running.end().assert_code(0);

    let running = service.serve().await;
    service.sign_in_device().await;
    assert!(!running.kill().contains("gone back"), "it was settled");
    Evidence::that("a dump put back, with what was ended since").print();
}

/// What is written after the loss hides nothing, and a process that starts anew remembers what the one before
/// it knew.
#[tokio::test]
async fn r12_a_loss_is_noticed_by_the_next_process_whatever_was_written_meanwhile() {
    let (place, service, running, dump, _, _) = with_a_past().await;
    running.kill();
    let witness = service.room.read("data/store.witness");
    place.restore(&dump);
    let mut words = witness.split_whitespace();
    let (_, node) = (words.next(), words.next().expect("a node"));
    // As if requests had come before anybody looked: the same node's next records, beyond what was lost.
    place.sql(&format!(
        "INSERT INTO audit (node, seq, at, action, actor, subject, detail) \
         SELECT '{node}', 1000, at, action, actor, subject, detail FROM audit LIMIT 1"
    ));
    let running = service.serve().await;
    running.stderr_line(|line| line.contains("gone back in time").then_some(()));
    running.kill();
    Evidence::that("a dump put back, and written to before anybody looked").print();
}

/// Another database was never ahead of what this directory remembers.
#[tokio::test]
async fn r12_another_store_under_the_same_directory_is_no_loss() {
    let (_place, mut service, running, _, _, _) = with_a_past().await;
    running.kill();
    let (other, mut home) = (Place::default(), Service::at(Room::new()));
    home.store = Some(other.address());
    home.init_again().assert_code(0);
    fs::copy(
        home.room.work().join("keys"),
        service.room.work().join("keys-2"),
    )
    .expect("keys");
    fs::remove_file(service.room.work().join("keys")).expect("removed");
    fs::rename(
        service.room.work().join("keys-2"),
        service.room.work().join("keys"),
    )
    .expect("keys");
    service.store = Some(other.address());
    let running = service.serve().await;
    assert!(!running.kill().contains("gone back"), "another store");
    Evidence::that("another store under the same directory").print();
}

#[tokio::test]
async fn f30_a_database_that_is_restored_under_a_node_is_noticed_within_seconds() {
    let (place, service, running, dump, _, _) = with_a_past().await;
    place.restore(&dump);
    running.stderr_line(|line| line.contains("gone back in time").then_some(()));
    running.kill();
    // It is said again at every command, until somebody accepts it.
    let ended = service.admin(&["user", "list"]);
    assert!(ended.stderr.contains("gone back in time"), "{ended}");
    service.admin(&["accept-rollback"]).assert_code(0);
    let ended = service.admin(&["user", "list"]);
    assert!(!ended.stderr.contains("gone back in time"), "{ended}");
    let epoch = "SELECT value FROM meta WHERE name = 'store_epoch'";
    assert_eq!(place.sql(epoch), "2");
    // The same copy once more is from before that was settled: an epoch that is lower than the one that was seen.
    let running = service.serve().await;
    service.sign_in_device().await;
    child::wait_until("the witness has seen what was settled", || {
        service.remembers(3).as_deref() == Some("2")
    });
    place.restore(&dump);
    running.stderr_line(|line| line.contains("gone back in time").then_some(()));
    assert_eq!(place.sql(epoch), "3");
    running.kill();
    Evidence::that("a dump put back twice under a running node").print();
}

#[test]
fn r12_an_old_copy_put_back_is_said_at_every_command_until_it_is_accepted() {
    let service = Service::init();
    let data = service.room.work().join("data");
    let (database, old) = (data.join("claviger.db"), service.room.work().join("old.db"));
    fs::copy(&database, &old).expect("a copy");
    let directory = service.room.work().join("directory.toml");
    fs::write(&directory, "").expect("an empty directory");
    service.admin(&["apply", "directory.toml"]).assert_code(0);
    fs::copy(&old, &database).expect("put back");
    for _ in 0..2 {
        let ended = service.admin(&["user", "list"]);
        assert!(ended.stderr.contains("gone back in time"), "{ended}");
    }
    service.admin(&["accept-rollback"]).assert_code(0);
    let ended = service.admin(&["user", "list"]);
    assert!(!ended.stderr.contains("gone back in time"), "{ended}");
    Evidence::that("an old copy of the file put back").print();
}
