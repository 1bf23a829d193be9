//! What there is to know of this authorization server (RFC 8414). Nothing is listed that does not work.

use bytes::Bytes;
use claviger_model::{
    client::GrantType,
    scope::{ACCOUNT_ACCESS, CLAIMS, OFFLINE_ACCESS, OPENID},
};
use http::Response;
use serde_json::json;

use super::client::METHODS;
use crate::answer;

/// Those that keep a secret.
const BY_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// Writes the metadata of the server at `issuer`.
pub fn encode(issuer: &str) -> Response<Bytes> {
    let at = |path: &str| format!("{issuer}{path}");
    let claims = CLAIMS.into_iter().chain([OFFLINE_ACCESS, ACCOUNT_ACCESS]);
    let scopes: Vec<&str> = [OPENID].into_iter().chain(claims).collect();
    answer::public(&json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "device_authorization_endpoint": at("/device_authorization"),
        "registration_endpoint": at("/register"),
        "introspection_endpoint": at("/introspect"),
        "revocation_endpoint": at("/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::REGISTRABLE.map(GrantType::as_str),
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": scopes,
        "token_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": BY_SECRET,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "authorization_response_iss_parameter_supported": true,
    }))
}
