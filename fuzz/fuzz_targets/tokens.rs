//! Every other token and cookie: a text is one kind of them at most.
#![no_main]

use claviger_engine::token::{
    access, authorization_code, device_code, known_browser, page, refresh,
    transaction::{self, Purpose},
    web_cookie,
};
use claviger_fuzz::{KEYS, NOW};
use claviger_model::id::UserId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let person = UserId::from_bytes([7; 16]);
    let read = [
        access::read(&KEYS, text).is_some(),
        refresh::read(&KEYS, text).is_some(),
        device_code::read(&KEYS, text).is_some(),
        authorization_code::read(&KEYS, text).is_some(),
        web_cookie::read(&KEYS, text).is_some(),
        known_browser::admits(&KEYS, text, person, NOW),
        page::read(&KEYS, person, "accounts", NOW, text).is_some(),
        transaction::open(&KEYS, Purpose::SignIn, b"browser", NOW, text).is_some(),
        transaction::open(&KEYS, Purpose::Consent, b"browser", NOW, text).is_some(),
    ];
    assert!(read.iter().filter(|read| **read).count() <= 1);
});
