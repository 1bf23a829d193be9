//! The introspection endpoint (RFC 7662).

use bytes::Bytes;
use claviger_engine::{
    client::authenticate::ClientCredentials,
    error::{Error, Kind},
    introspect::Active,
};
use claviger_model::secret::Secret;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::{client::credentials, form};
use crate::answer;

/// Reads who asks, and about which token. What kind of token they take it for changes nothing.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<(ClientCredentials, Secret), Error> {
    let form = form::read(body)?;
    let token = form::token(&form, "token")?;
    let client = credentials(headers, &form)?;
    let token = token.ok_or_else(|| {
        Kind::InvalidRequest.because("token is missing. Send an access or a refresh token.")
    })?;
    Ok((client, token))
}

/// Writes what a token is worth to whom it belongs, and of others that it is worth nothing (RFC 7662 §2.2).
pub fn encode(issuer: &str, active: Option<&Active>) -> Response<Bytes> {
    let body = active.map_or_else(
        || json!({ "active": false }),
        |active| {
            json!({
                "active": true,
                "iss": issuer,
                "client_id": active.client_id,
                "sub": active.user_id.to_string(),
                "username": active.user_name,
                "scope": active.scopes.join(),
                "token_type": "Bearer",
                "exp": active.expires_at.epoch_seconds(),
            })
        },
    );
    answer::json(StatusCode::OK, &body)
}
