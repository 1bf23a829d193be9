//! `claviger init`: the only command that makes keys.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use claviger_tests::room::Room;

use crate::transcript::{assert_transcript, run};

const INIT: [&str; 5] = ["init", "--data-dir", "data", "--key-file", "keys"];

fn mode(path: &Path) -> u32 {
    let about = fs::metadata(path).expect("a file");
    about.permissions().mode() & 0o777
}

#[test]
fn init_makes_store_and_keys_for_their_owner_alone_and_says_what_is_next() {
    let room = Room::new();
    assert_transcript!("init", run(&room, &INIT));
    assert_eq!(mode(&room.work().join("data")), 0o700);
    assert_eq!(mode(&room.work().join("keys")), 0o400);
}

#[test]
fn init_refuses_to_touch_what_is_there() {
    let room = Room::new();
    room.succeed(&INIT);
    let keys = room.read("keys");
    assert_transcript!("init_twice", run(&room, &INIT));
    let other_keys = ["init", "--data-dir", "data", "--key-file", "other"];
    assert_transcript!("init_over_a_store", run(&room, &other_keys));
    assert_eq!(room.read("keys"), keys);
    assert!(
        !room.work().join("other").exists(),
        "keys without a store were made"
    );
    let other_store = ["init", "--data-dir", "other", "--key-file", "keys"];
    room.run(&other_store).assert_code(78);
    assert!(
        !room.work().join("other").exists(),
        "a store without keys was made"
    );
}
