//! AWS's JavaScript SDK.

use claviger_tests::{instance::Dev, room::Room};

use crate::parts::{self, Moto};

#[track_caller]
fn tell(story: &[&str], room: &Room, dev: &Dev) {
    let mut sign_in = parts::python(room, "sign_in.py", &[]);
    parts::point(&mut sign_in, dev);
    parts::succeed(&mut sign_in);
    let mut node = parts::node(room, "sdk.mjs", story);
    parts::point(&mut node, dev);
    parts::succeed(&mut node);
}

#[test]
fn credentials_of_a_profile_reach_sts_and_s3_of_moto() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let dev = Dev::start(&room, &["--sts", &moto.url]);
    tell(&["credentials", &moto.url], &room, &dev);
}

#[test]
fn a_token_near_its_end_is_refreshed_by_the_token_provider() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell(&["refresh"], &room, &dev);
}

#[test]
fn a_tool_author_makes_the_calls_and_reads_the_errors() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell(&["calls"], &room, &dev);
}
