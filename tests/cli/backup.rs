//! Backup and restore, as docs/operate.md tells it: the store's copy and the key file are all that
//! a new machine needs.

use std::fs;

use claviger_tests::{child, instance::Service, room::Room};

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
}
