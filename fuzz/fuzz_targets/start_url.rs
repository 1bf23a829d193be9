//! `startUrl` and `issuerUrl`.
#![no_main]

use claviger_engine::links::Links;
use claviger_model::id::InstanceId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|url: &str| {
    let instance = InstanceId::from_bytes([0xab; 16]);
    let links = Links::new("https://sso.example.org", instance, "us-east-1", &[]);
    if links.name_this_instance(url) {
        assert!(!url.contains(['@', '?', '\\']) && url.contains("://"));
    }
});
