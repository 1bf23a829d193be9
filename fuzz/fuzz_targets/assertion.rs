//! Assertions, where nobody is trusted: they are read as far as the issuer's name.
#![no_main]

use claviger_federation::issuers::TrustedIssuers;
use claviger_fuzz::now;
use claviger_model::{port::issuers::Issuers as _, secret::Secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let issuers = TrustedIssuers::default();
    assert!(now(issuers.verify(&Secret::from(text))).is_err());
});
