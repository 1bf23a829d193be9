//! The `userinfo` endpoint (OpenID Connect Core §5.3).

use bytes::Bytes;
use claviger_engine::{
    error::{Error, Kind},
    issued::Claims,
};
use claviger_model::secret::Secret;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::error;
use crate::{answer, jose};

/// The longest access token, in bytes.
const LONGEST: usize = 4096;

/// Reads the access token: the one `Bearer` of the header (RFC 6750 §2.1).
pub fn decode(headers: &HeaderMap) -> Result<Secret, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Kind::InvalidRequest
            .because("The access token was given twice. Send it once.")
            .into());
    }
    let token = first
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| (1..=LONGEST).contains(&token.len()));
    let missing = || Kind::InvalidToken.because(MISSING);
    Ok(token.map(Secret::from).ok_or_else(missing)?)
}

const MISSING: &str = "Send an access token in the header Authorization, after Bearer.";

/// Writes what the token's scopes tell of its person.
pub fn encode(person: &Claims) -> Response<Bytes> {
    answer::json(StatusCode::OK, &jose::told(person))
}

/// An error of it, with its challenge (RFC 6750 §3).
pub fn refuse(error: &Error) -> Response<Bytes> {
    let Error::Refused(refusal) = error else {
        return error::refuse(error);
    };
    let (code, challenge) = match refusal.kind {
        // Whoever sent none has made no mistake yet (RFC 6750 §3.1).
        Kind::InvalidToken if refusal.because == MISSING => {
            (error::code_of(Kind::InvalidToken), "Bearer")
        }
        Kind::InvalidToken => (
            error::code_of(Kind::InvalidToken),
            "Bearer error=\"invalid_token\"",
        ),
        Kind::AccessDenied => (
            error::INSUFFICIENT_SCOPE,
            "Bearer error=\"insufficient_scope\", scope=\"openid\"",
        ),
        _ => return error::refuse(error),
    };
    let mut response = error::encode(code, refusal.because);
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
