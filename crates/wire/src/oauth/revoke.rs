//! The revocation endpoint (RFC 7009).

use bytes::Bytes;
use claviger_engine::{client::authenticate::ClientCredentials, error::Error};
use claviger_model::secret::Secret;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::client::about;
use crate::answer;

/// Reads who asks, and for the end of which token.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<(ClientCredentials, Secret), Error> {
    let missing = "token is missing. Send an access or a refresh token of this client.";
    about(headers, body, missing)
}

/// What anybody is answered who may ask (RFC 7009 §2.2).
pub fn encode() -> Response<Bytes> {
    answer::json(StatusCode::OK, &json!({}))
}
