//! The device authorization endpoint (RFC 8628 §3.1).

use bytes::Bytes;
use claviger_engine::{
    device::{DeviceStarted, StartDevice},
    error::Error,
};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::{client::credentials, form};
use crate::answer;

/// Reads a device authorization request.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<StartDevice, Error> {
    let form = form::read(body)?;
    Ok(StartDevice {
        client: credentials(headers, &form)?,
        start_url: None,
        scopes: form::scopes(&form, "scope")?,
    })
}

/// The answer (RFC 8628 §3.2).
#[derive(Serialize)]
struct DeviceAuthorization<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: &'a str,
    verification_uri_complete: &'a str,
    expires_in: u32,
    interval: u32,
}

/// Writes what a device is told.
pub fn encode(started: &DeviceStarted) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &DeviceAuthorization {
            device_code: started.device_code.reveal(),
            user_code: &started.user_code.to_string(),
            verification_uri: &started.verification_uri,
            verification_uri_complete: &started.verification_uri_complete,
            expires_in: started.expires_in.as_seconds(),
            interval: started.interval.as_seconds(),
        },
    )
}
