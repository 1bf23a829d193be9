//! boto3: raw calls, the SSO provider, paginators, and many processes on one token.

use claviger_tests::{instance::Dev, room::Room};

use crate::parts::{self, Moto};

#[track_caller]
fn tell(story: &str, room: &Room, dev: &Dev, arguments: &[&str]) {
    let mut python = parts::python(room, story, arguments);
    parts::point(&mut python, dev);
    parts::succeed(&mut python);
}

#[test]
fn a_tool_author_makes_the_calls_of_all_three_grants() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell("raw_calls.py", &room, &dev, &[]);
}

#[test]
fn errors_arrive_as_the_classes_of_the_sdk() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell("errors.py", &room, &dev, &[]);
}

#[test]
fn a_session_refreshes_its_token_by_itself_and_reaches_moto() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let dev = Dev::start(&room, &["--sts", &moto.url]);
    tell("automatic_refresh.py", &room, &dev, &[&moto.url]);
}

#[test]
fn paginators_walk_page_by_page() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell("paginators.py", &room, &dev, &[]);
}

#[test]
fn ten_processes_refresh_one_cached_token_and_stay_signed_in() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    tell("ten_processes.py", &room, &dev, &[]);
}
