//! The token endpoint (RFC 6749 §3.2, RFC 8628 §3.4).

use bytes::Bytes;
use claviger_engine::{
    error::{Error, Kind},
    grant::request::{Issued, TokenRequest},
};
use claviger_model::secret::Secret;
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::{client::credentials, form};
use crate::answer;

/// Reads a token request. Parameters of other grants than the one named are read and left aside.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<TokenRequest, Error> {
    let form = form::read(body)?;
    let client = credentials(headers, &form)?;
    let grant_type = form::text(&form, "grant_type")?.ok_or_else(|| {
        Kind::InvalidRequest.because(
            "grantType is missing. Send authorization_code, refresh_token or \
             urn:ietf:params:oauth:grant-type:device_code.",
        )
    })?;
    Ok(TokenRequest {
        device_code: form::secret(&form, "device_code")?,
        code: form::secret(&form, "code")?,
        refresh_token: form::secret(&form, "refresh_token")?,
        scope: form::scopes(&form, "scope")?,
        redirect_uri: form::text(&form, "redirect_uri")?.map(ToOwned::to_owned),
        code_verifier: form::secret(&form, "code_verifier")?,
        ..TokenRequest::new(client, grant_type)
    })
}

/// The answer (RFC 6749 §5.1).
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    scope: String,
}

/// Writes what was issued, and the ID token that goes with it.
pub fn encode(issued: &Issued, id_token: Option<&Secret>) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &Granted {
            access_token: issued.access_token.reveal(),
            token_type: "Bearer",
            expires_in: issued.expires_in.as_seconds(),
            refresh_token: issued.refresh_token.as_ref().map(Secret::reveal),
            id_token: id_token.map(Secret::reveal),
            scope: issued.scopes.join(),
        },
    )
}
