//! How handlers answer: in the dialect that was spoken, encoded, and logged once.

use bytes::Bytes;
use claviger_engine::error::Error;
use claviger_wire::{
    face::Face,
    media_type::{self, MediaType},
};
use http::{HeaderMap, Response, StatusCode};

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
) -> Response<Bytes> {
    match result {
        Ok(value) => encode(value),
        Err(error) => {
            log(error);
            refuse(error)
        }
    }
}

/// 415 for a body of another type than the operation reads.
pub(crate) fn unless(due: MediaType, face: Face, headers: &HeaderMap) -> Option<Response<Bytes>> {
    let because = match due {
        MediaType::Form => "Send the body as application/x-www-form-urlencoded.",
        _ => "Send the body as application/json.",
    };
    (media_type::of(headers) != due)
        .then(|| face.malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, because))
}

/// 415 for everything but the AWS dialect.
pub(crate) fn other_dialect(headers: &HeaderMap) -> Option<Response<Bytes>> {
    unless(MediaType::Aws, Face::Oidc, headers)
}
