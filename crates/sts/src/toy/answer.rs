//! What the toy says to a request: an identity or one of AWS's errors.

use claviger_model::time::Timestamp;
use claviger_sigv4::{Claim, Invalid, Received};
use http::StatusCode;

use super::keys::{Identity, Key, Keys};

const VERSION: &str = "2011-06-15";
const SERVICE: &str = "sts";

/// An error of the query protocol.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Fault {
    fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }

    fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            ..Self::bad(code, message)
        }
    }
}

pub(super) fn answer(
    received: Received<'_>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Identity, Fault> {
    let action = parameter(received, "Action")
        .ok_or_else(|| Fault::bad("MissingAction", "Name an Action: GetCallerIdentity"))?;
    let version =
        parameter(received, "Version").unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
    if action != "GetCallerIdentity" || version != VERSION {
        return Err(Fault::bad(
            "InvalidAction",
            format!("Could not find operation {action} for version {version}"),
        ));
    }
    signer(received, keys, now).map(|key| key.identity.clone())
}

/// The key that signed the request. Expiry is told to those only who hold the secret.
fn signer<'a>(received: Received<'_>, keys: &'a Keys, now: Timestamp) -> Result<&'a Key, Fault> {
    let unknown = || {
        Fault::forbidden(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    };
    let claim = Claim::read(received.headers).map_err(invalid)?;
    if claim.service != SERVICE {
        return Err(invalid(Invalid::Incomplete(
            "the service in Credential must be sts",
        )));
    }
    let key = keys.find(&claim.access_key_id).ok_or_else(unknown)?;
    if claim.session_token.as_ref() != Some(&key.credentials.session_token) {
        return Err(unknown());
    }
    claim
        .verify(received, &key.credentials.secret_access_key, now)
        .map_err(invalid)?;
    if key.credentials.expiration <= now {
        return Err(Fault::forbidden(
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    Ok(key)
}

fn invalid(reason: Invalid) -> Fault {
    let message = reason.to_string();
    match reason {
        Invalid::Missing => Fault::forbidden(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Invalid::Incomplete(_) => Fault::bad("IncompleteSignature", message),
        Invalid::Skewed | Invalid::Mismatch => Fault::forbidden("SignatureDoesNotMatch", message),
    }
}

/// A parameter of the form in the body, else of the query.
fn parameter(received: Received<'_>, name: &str) -> Option<String> {
    let query = received.uri.query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(received.body)
        .chain(form_urlencoded::parse(query))
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
