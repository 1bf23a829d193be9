//! Device authorization (RFC 8628; AWS StartDeviceAuthorization): start, look up, decide.

use claviger_model::{
    grant::device::DeviceAuthorization, network::Requester, secret::Secret, time::Lifetime,
    user_code::UserCode,
};

use crate::{
    client::authenticate::ClientCredentials, context::Context, error::Error, web_session::SignedIn,
};

/// What a device asks.
#[derive(Clone, Debug)]
pub struct StartDevice {
    /// Who asks.
    pub client: ClientCredentials,
    /// AWS `startUrl`: must name this instance.
    pub start_url: String,
}

/// What a device is told.
#[derive(Clone, Debug)]
pub struct DeviceStarted {
    /// `deviceCode`.
    pub device_code: Secret,
    /// `userCode`, shown as `XXXX-XXXX`.
    pub user_code: UserCode,
    /// `verificationUri`.
    pub verification_uri: String,
    /// `verificationUriComplete`.
    pub verification_uri_complete: String,
    /// `expiresIn`.
    pub expires_in: Lifetime,
    /// `interval`.
    pub interval: Lifetime,
}

/// Starts a device authorization.
pub async fn start(
    context: &Context,
    requester: &Requester,
    request: StartDevice,
) -> Result<DeviceStarted, Error> {
    let _ = (context, requester, request);
    todo!()
}

/// The undecided authorization behind a typed code. Unknown, expired, used and denied codes are
/// one refusal (`Kind::NotFound`); too many wrong ones are `Kind::TooManyRequests` (DEV-04).
pub async fn look_up(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    typed: &str,
) -> Result<(UserCode, DeviceAuthorization), Error> {
    let _ = (context, requester, signed_in, typed);
    todo!()
}

/// What a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Give that device my access.
    Approve,
    /// Do not; also takes back an approval that has not been redeemed (DEV-13).
    Deny,
}

/// Writes a person's decision down, once. Refused with `Kind::NotFound` when somebody else was
/// first, time ran out, or the device already has its session.
pub async fn decide(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    typed: &str,
    answer: Answer,
) -> Result<DeviceAuthorization, Error> {
    let _ = (context, requester, signed_in, typed, answer);
    todo!()
}
