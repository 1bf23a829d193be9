//! The introspection endpoint (RFC 7662).

use bytes::Bytes;
use claviger_engine::{client::authenticate::ClientCredentials, error::Error, introspect::Active};
use claviger_model::secret::Secret;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::client::about;
use crate::answer;

/// Reads who asks, and about which token.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<(ClientCredentials, Secret), Error> {
    let missing = "token is missing. Send an access token of this client.";
    about(headers, body, missing)
}

/// Writes what a token is worth to whom it belongs, and of others that it is worth nothing (RFC 7662 §2.2).
pub fn encode(issuer: &str, active: Option<&Active>) -> Response<Bytes> {
    let body = active.map_or_else(
        || json!({ "active": false }),
        |active| {
            let mut told = json!({
                "active": true,
                "iss": issuer,
                "client_id": active.client_id,
                "sub": active.user_id.to_string(),
                "scope": active.scopes.join(),
                "token_type": "Bearer",
                "exp": active.expires_at.epoch_seconds(),
            });
            if let Some(user_name) = &active.user_name {
                told["username"] = json!(user_name);
            }
            told
        },
    );
    answer::json(StatusCode::OK, &body)
}
