//! The pages in headless Chromium: each story of a person, and the rules that hold on all of them.

use claviger_tests::{instance::Dev, room::Room};

use crate::{browser::story, parts};

#[track_caller]
fn tell(arguments: &[&str]) {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    parts::succeed(&mut story(&room, &dev, arguments));
}

#[test]
fn a_person_reads_who_asks_and_denies() {
    tell(&["deny"]);
}

#[test]
fn a_program_is_let_in_by_authorize_with_pkce() {
    tell(&["authorize"]);
}

#[test]
fn a_person_finds_a_role_in_the_portal_and_copies_its_credentials() {
    tell(&["portal"]);
}

#[test]
fn a_person_ends_a_session_and_signs_out() {
    tell(&["sessions"]);
}

#[test]
fn everything_can_be_reached_by_keyboard_alone() {
    tell(&["keyboard"]);
}

#[test]
fn everything_works_with_script_off() {
    tell(&["withoutScript"]);
}

#[test]
fn no_page_breaks_a_rule_of_axe_in_light() {
    tell(&["accessible", "light"]);
}

#[test]
fn no_page_breaks_a_rule_of_axe_in_dark() {
    tell(&["accessible", "dark"]);
}

#[test]
fn no_page_scrolls_sideways_at_320_pixels() {
    tell(&["narrow"]);
}
