//! The `userinfo` endpoint (OpenID Connect Core §5.3).

use bytes::Bytes;
use claviger_engine::{
    error::{Error, Kind},
    issued::Claims,
};
use claviger_model::secret::Secret;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::error::{self, Code};
use crate::{answer, jose};

/// The longest access token, in bytes.
const LONGEST: usize = 4096;

/// Reads the access token: the one `Bearer` of the header (RFC 6750 §2.1).
pub fn decode(headers: &HeaderMap) -> Result<Option<Secret>, Error> {
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
    Ok(token.map(Secret::from))
}

/// The answer to whoever sends none, and has made no mistake yet (RFC 6750 §3.1).
pub fn missing() -> Response<Bytes> {
    let because = "Send an access token in the header Authorization, after Bearer.";
    challenge(error::code_of(Kind::InvalidToken), because, "Bearer")
}

/// Writes what the token's scopes tell of its person.
pub fn encode(person: &Claims) -> Response<Bytes> {
    answer::json(StatusCode::OK, &jose::told(person))
}

/// An error of it, with its challenge (RFC 6750 §3).
pub fn refuse(error: &Error) -> Response<Bytes> {
    let Error::Refused(refusal) = error else {
        return error::refuse(error);
    };
    let (code, told) = match refusal.kind {
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
    challenge(code, refusal.because, told)
}

fn challenge(code: Code, because: &str, told: &'static str) -> Response<Bytes> {
    let mut response = error::encode(code, because);
    let told = HeaderValue::from_static(told);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, told);
    response
}
