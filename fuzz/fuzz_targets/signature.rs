//! Signed requests: the date on the first line, `Authorization` on the second, then the body.
#![no_main]

use claviger_model::{secret::Secret, time::Timestamp};
use claviger_sigv4::{Claim, Received};
use http::{HeaderMap, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("sso.example.org"));
    for name in ["x-amz-date", "authorization"] {
        let value = HeaderValue::from_bytes(lines.next().unwrap_or_default());
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    if let Ok(claim) = Claim::read(&headers) {
        let received = Received {
            method: &Method::POST,
            uri: &Uri::from_static("/token?aws_iam=t"),
            headers: &headers,
            body: lines.next().unwrap_or_default(),
        };
        let now = Timestamp::from_epoch_seconds(1_440_938_160);
        let secret = Secret::from("nobody signs with this");
        assert!(claim.verify(received, &secret, now).is_err());
    }
});
