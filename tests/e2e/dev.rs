//! `claviger dev -- COMMAND` with the commands that people give it: pytest and node:test. The AWS CLI
//! is in `aws_cli`. Nothing is left of any of them.

use std::{path::Path, process::Command};

use claviger_tests::{
    child::{self, Ended},
    room::Room,
};

use crate::parts;

/// Runs a command below `claviger dev --`.
#[track_caller]
fn below_dev(room: &Room, command: &Command) -> Ended {
    let mut dev = room.claviger(&["dev", "--"]);
    dev.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        dev.env(name, value.unwrap_or_default());
    }
    let ended = child::run(&mut dev);
    let left = |directory: &Path| std::fs::read_dir(directory).expect("a directory").count();
    assert!(
        !room.home().join(".aws").exists(),
        "something is left in ~/.aws: {ended}"
    );
    assert_eq!(left(&room.tmp()), 0, "something is left in TMPDIR: {ended}");
    ended
}

#[test]
fn boto3_in_pytest_needs_no_fixture() {
    let room = Room::new();
    let flags = ["-q", "-p", "no:cacheprovider"];
    let ended = below_dev(
        &room,
        &parts::pytest(&room, "tests/e2e/python/child_test.py", &flags),
    );
    ended.assert_code(0);
    assert!(ended.stdout.contains("5 passed"), "{ended}");
}

#[test]
fn the_javascript_sdk_in_node_test_meets_each_fault() {
    let room = Room::new();
    let ended = below_dev(&room, &parts::node(&room, "child.test.mjs", &[]));
    ended.assert_code(0);
    assert!(ended.stdout.contains("pass 10"), "{ended}");
}

/// The tests of the pytest helper, with boto3 as the client that meets each fault.
#[test]
fn the_pytest_helper_does_what_it_says() {
    let room = Room::new();
    let binary = format!("--claviger={}", child::claviger().display());
    let flags = [binary.as_str(), "-q", "-p", "no:cacheprovider"];
    let ended = child::run(&mut parts::pytest(&room, "helpers/pytest", &flags));
    ended.assert_code(0);
    assert!(ended.stdout.contains("101 passed"), "{ended}");
}
