//! Backup and restore, as docs/operate.md tells it: the store's copy and the key file are all that
//! a new machine needs.

use std::fs;

use claviger_tests::{instance::Service, room::Room};

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
fn a_backup_without_its_own_key_file_is_refused() {
    let (old, other) = (Service::init(), Service::init());
    old.admin(&["backup", "backup.db"]).assert_code(0);
    let restored = restore(&old, &other);
    let ended = restored.launch().end();
    ended.assert_code(78);
    assert_transcript!("backup_foreign_keys", ended);
}
