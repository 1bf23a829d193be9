//! What there is to know of this server, as an authorization server (RFC 8414) and an OpenID provider (OpenID Connect
//! Discovery §3); targets with a web identity read it as well. Nothing is listed that does not work.

use bytes::Bytes;
use claviger_model::{
    client::GrantType,
    scope::{ACCOUNT_ACCESS, CLAIMS, OFFLINE_ACCESS, OPENID},
};
use http::Response;
use serde_json::json;

use super::client::METHODS;
use crate::{answer, jose};

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
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": jose::CLAIMS,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
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
