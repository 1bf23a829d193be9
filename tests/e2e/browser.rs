//! A person at headless Chromium.

use std::process::Command;

use claviger_tests::{instance::Dev, room::Room};

use crate::parts;

/// A story of tests/e2e/js/browser.mjs, told at an instance.
#[track_caller]
pub(crate) fn story(room: &Room, dev: &Dev, arguments: &[&str]) -> Command {
    let mut node = parts::node(room, "browser.mjs", arguments);
    parts::point(&mut node, dev);
    node
}
