//! Refusals and failures in the standard dialect (RFC 6749 §5.2, RFC 7591 §3.2.2, RFC 8628 §3.5).

use std::borrow::Cow;

use bytes::Bytes;
use claviger_engine::error::{Error, Kind, Refusal};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::{answer, sentence};

/// An error's status and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// HTTP status.
    pub status: u16,
    /// The member `error`.
    pub error: &'static str,
}

const fn code(status: u16, error: &'static str) -> Code {
    Code { status, error }
}

const BROKEN: Code = code(500, "server_error");

/// What a token that is good does not open (RFC 6750 §3.1).
pub(super) const INSUFFICIENT_SCOPE: Code = code(403, "insufficient_scope");

const UNAVAILABLE: Code = code(503, "temporarily_unavailable");

/// How each kind is answered. Kinds that no endpoint here meets have the nearest of its own.
pub const fn code_of(kind: Kind) -> Code {
    match kind {
        // Nothing is looked for here by name, and nothing is signed.
        Kind::InvalidRequest | Kind::NotFound | Kind::SignatureReplayed => {
            code(400, "invalid_request")
        }
        Kind::InvalidClient => code(401, "invalid_client"),
        Kind::InvalidClientMetadata => code(400, "invalid_client_metadata"),
        Kind::InvalidRedirectUri => code(400, "invalid_redirect_uri"),
        Kind::InvalidGrant => code(400, "invalid_grant"),
        Kind::InvalidScope => code(400, "invalid_scope"),
        Kind::UnauthorizedClient => code(400, "unauthorized_client"),
        Kind::UnsupportedGrantType => code(400, "unsupported_grant_type"),
        Kind::AccessDenied => code(400, "access_denied"),
        Kind::AuthorizationPending => code(400, "authorization_pending"),
        Kind::SlowDown => code(400, "slow_down"),
        Kind::TooManyRequests => code(429, "slow_down"),
        Kind::Unavailable => UNAVAILABLE,
        Kind::ExpiredToken => code(400, "expired_token"),
        Kind::InvalidToken => code(401, "invalid_token"),
    }
}

const NOT_A_CLIENT: &str = "The client is not known, has ended, or has not shown that it is itself. Register it \
     again, or ask the operator.";

/// An error of an endpoint.
pub fn refuse(error: &Error) -> Response<Bytes> {
    match error {
        Error::Refused(refusal) => encode(code_of(refusal.kind), &because(refusal)),
        Error::Failed(_) => broken(),
    }
}

/// An error of registration, which knows two codes of its own only (RFC 7591 §3.2.2).
pub fn refuse_registration(error: &Error) -> Response<Bytes> {
    match error {
        Error::Refused(refusal) => {
            let code = match refusal.kind {
                Kind::InvalidRequest | Kind::InvalidScope | Kind::UnsupportedGrantType => {
                    code_of(Kind::InvalidClientMetadata)
                }
                kind => code_of(kind),
            };
            encode(code, &because(refusal))
        }
        Error::Failed(_) => broken(),
    }
}

/// A bug of ours, whatever it was (TOK-13).
pub fn broken() -> Response<Bytes> {
    encode(BROKEN, sentence::BROKEN)
}

/// No answer within the deadline (R7).
pub fn late() -> Response<Bytes> {
    encode(UNAVAILABLE, sentence::OVERLOADED)
}

/// 404, 405, 413, 415 and their like, which are about the request's form.
pub fn malformed(status: StatusCode, because: &str) -> Response<Bytes> {
    encode(code(status.as_u16(), "invalid_request"), because)
}

/// An error that a fault script asked for.
pub fn scripted(status: u16, error: &'static str) -> Response<Bytes> {
    encode(code(status, error), sentence::SCRIPTED)
}

/// The sentence of a refusal in the words of this dialect.
fn because(refusal: &Refusal) -> Cow<'static, str> {
    match refusal.kind {
        // The engine's own speaks to people with the AWS CLI.
        Kind::InvalidClient => NOT_A_CLIENT.into(),
        _ => spelled(refusal.because),
    }
}

/// What the engine calls by its AWS name, and what the RFCs call it.
const NAMES: [(&str, &str); 10] = [
    ("codeVerifier", "code_verifier"),
    ("deviceCode", "device_code"),
    ("grantType", "grant_type"),
    ("redirectUri", "redirect_uri"),
    ("refreshToken", "refresh_token"),
    ("requestedTokenType", "requested_token_type"),
    ("subjectTokenType", "subject_token_type"),
    ("subjectToken", "subject_token"),
    ("StartDeviceAuthorization", "the device authorization"),
    ("CreateToken", "answer of this endpoint"),
];

fn spelled(sentence: &'static str) -> Cow<'static, str> {
    NAMES.iter().fold(sentence.into(), |sentence, (aws, ours)| {
        if sentence.contains(aws) {
            sentence.replace(aws, ours).into()
        } else {
            sentence
        }
    })
}

/// What an error's body says.
#[derive(Serialize)]
struct Told<'a> {
    error: &'static str,
    error_description: &'a str,
}

pub(super) fn encode(code: Code, because: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer::json(
        status,
        &Told {
            error: code.error,
            error_description: because,
        },
    );
    let headers = response.headers_mut();
    match code.status {
        401 => {
            let challenge = HeaderValue::from_static("Basic realm=\"claviger\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        // What is counted is counted by the minute.
        429 => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        503 => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}
