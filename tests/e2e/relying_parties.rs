//! Relying parties: certified and common libraries of OpenID Connect, each through all that it can do with the standard
//! dialect. Over TLS, since some of them ask for nothing less.

use std::process::Command;

use claviger_tests::{child, instance::Dev, room::Room};

use crate::parts;

#[track_caller]
fn tell(room: &Room, mut story: Command) {
    let dev = Dev::start(room, &["--tls"]);
    parts::point(&mut story, &dev);
    parts::succeed(&mut story);
}

#[test]
fn openid_client_does_all_that_openid_connect_has_here() {
    let room = Room::new();
    tell(&room, parts::node(&room, "openid_client.mjs", &[]));
}

#[test]
fn authlib_does_all_that_openid_connect_has_here() {
    let room = Room::new();
    tell(&room, parts::python(&room, "authlib_story.py", &[]));
}

#[test]
fn openidconnect_of_rust_does_all_that_openid_connect_has_here() {
    let room = Room::new();
    tell(&room, room.command(child::example("openidconnect")));
}
