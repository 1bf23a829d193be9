//! Assertions, where nobody is trusted: they are read as far as the issuer's name.
#![no_main]

use std::sync::Arc;

use claviger_federation::issuers::TrustedIssuers;
use claviger_fuzz::now;
use claviger_model::{
    port::{clock::Clock, issuers::Issuers as _},
    secret::Secret,
    time::Timestamp,
};
use libfuzzer_sys::fuzz_target;

struct Never;

impl Clock for Never {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(0)
    }
}

fuzz_target!(|text: &str| {
    let issuers = TrustedIssuers::new(Arc::new(Never));
    assert!(now(issuers.verify(&Secret::from(text))).is_err());
});
