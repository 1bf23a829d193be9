//! The shape that every API answer shares.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// How long anybody may keep what we tell of ourselves, in seconds.
const MAX_AGE: &str = "public, max-age=900";

/// A JSON answer that is public, and kept for a while by whoever asks.
pub fn public(body: &impl Serialize) -> Response<Bytes> {
    let mut response = json(StatusCode::OK, body);
    let kept = HeaderValue::from_static(MAX_AGE);
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    response
}

/// A JSON answer: never stored, never sniffed, tells no other site where it came from.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    // Texts, numbers and lists of them can always be written.
    let text = serde_json::to_vec(body).unwrap_or_else(|_| unreachable!());
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
