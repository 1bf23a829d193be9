//! The bearer headers of the portal, one a line.
#![no_main]

use claviger_wire::aws::portal;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let own = HeaderName::from_static("x-amz-sso_bearer_token");
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (name, value) = match line.split_first() {
            Some((b'a', value)) => (header::AUTHORIZATION, value),
            _ => (own.clone(), line),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    if let Ok(token) = portal::decode_bearer(&headers) {
        assert_eq!(headers.get_all(&own).iter().count(), 1);
        assert!(!token.reveal().is_empty());
    }
});
