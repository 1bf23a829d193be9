//! How handlers answer: encoded, logged once, and shown to whoever watches.

use axum::body::Body;
use bytes::Bytes;
use claviger_engine::error::Error;
use http::Response;

use crate::{activity::Activity, app::App};

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
    app: &App,
    mut activity: Activity,
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
    activity.status = response.status().as_u16();
    let name = response
        .headers()
        .get("x-amzn-errortype")
        .and_then(|name| name.to_str().ok());
    activity.error = name.map(ToOwned::to_owned);
    app.saw(&activity);
    response.map(Body::from)
}
