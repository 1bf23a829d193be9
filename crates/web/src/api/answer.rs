//! How handlers answer: encoded, and logged once.

use axum::body::Body;
use bytes::Bytes;
use claviger_engine::error::Error;
use http::Response;

/// Logs why a request was refused or failed, under the request's own name; what the client may
/// know is in the answer.
pub(crate) fn log(error: &Error) {
    match error {
        Error::Refused(refusal) if refusal.alarm => {
            tracing::warn!(target: "claviger::refusal", kind = ?refusal.kind, because = refusal.because, detail = %refusal.detail);
        }
        Error::Refused(refusal) => {
            tracing::debug!(target: "claviger::refusal", kind = ?refusal.kind, because = refusal.because, detail = %refusal.detail);
        }
        Error::Failed(failure) => {
            tracing::error!(target: "claviger::failure", doing = failure.doing, cause = %failure.source);
        }
    }
}

/// The answer of an API operation.
pub(crate) fn finish<T>(
    result: &Result<T, Error>,
    encode: impl FnOnce(&T) -> Response<Bytes>,
    refuse: impl FnOnce(&Error) -> Response<Bytes>,
) -> Response<Body> {
    let response = match result {
        Ok(value) => encode(value),
        Err(error) => {
            log(error);
            refuse(error)
        }
    };
    response.map(Body::from)
}
