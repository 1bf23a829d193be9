//! The bodies of the standard dialect, and the header that shows a client: its first line, where there are two.
#![no_main]

use claviger_wire::oauth;
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let (first, second) = (lines.next().unwrap_or_default(), lines.next());
    let mut headers = HeaderMap::new();
    let body = match (second, HeaderValue::from_bytes(first)) {
        (Some(body), Ok(value)) => {
            headers.insert(header::AUTHORIZATION, value);
            body
        }
        _ => input,
    };
    let _ = oauth::register::decode(body);
    let _ = oauth::device::decode(&headers, body);
    let _ = oauth::token::decode(&headers, body);
    let _ = oauth::introspect::decode(&headers, body);
    let _ = oauth::revoke::decode(&headers, body);
});
