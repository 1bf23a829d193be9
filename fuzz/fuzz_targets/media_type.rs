//! `Content-Type` and `Content-Encoding`, one header a line.
#![no_main]

use claviger_wire::media_type;
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (name, value) = match line.split_first() {
            Some((b'e', value)) => (header::CONTENT_ENCODING, value),
            _ => (header::CONTENT_TYPE, line),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let _ = media_type::of(&headers);
});
