//! What there is to know of this server, as an authorization server (RFC 8414) and an OpenID provider (OpenID Connect
//! Discovery §3); targets with a web identity read it as well. Nothing is listed that does not work.

use bytes::Bytes;
use claviger_model::{
    client::{GrantType, SigningAlgorithm},
    scope::{ABOUT_PEOPLE, ACCOUNT_ACCESS},
};
use http::Response;
use serde_json::json;

use super::client::{METHODS, NONE};
use crate::{answer, jose};

/// Writes the metadata of the server at `issuer`, which signs ID tokens in these ways.
pub fn encode(issuer: &str, id_tokens: &[SigningAlgorithm]) -> Response<Bytes> {
    let id_tokens = id_tokens.iter().map(|algorithm| algorithm.as_str());
    let at = |path: &str| format!("{issuer}{path}");
    let scopes = ABOUT_PEOPLE.into_iter().chain([ACCOUNT_ACCESS]);
    let by_secret = METHODS.into_iter().filter(|method| *method != NONE);
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
        "id_token_signing_alg_values_supported": id_tokens.collect::<Vec<_>>(),
        "claims_supported": jose::CLAIMS,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": scopes.collect::<Vec<_>>(),
        "token_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": by_secret.collect::<Vec<_>>(),
        "revocation_endpoint_auth_methods_supported": METHODS,
        "authorization_response_iss_parameter_supported": true,
    }))
}
