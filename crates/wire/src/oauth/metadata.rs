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

/// What differs from server to server.
#[derive(Clone, Debug)]
pub struct Offered<'a> {
    /// Where it is.
    pub issuer: &'a str,
    /// The grants that somebody can have.
    pub grants: &'a [GrantType],
    /// How ID tokens are signed.
    pub algorithms: &'a [SigningAlgorithm],
}

/// Writes the metadata of a server.
pub fn encode(offered: &Offered<'_>) -> Response<Bytes> {
    let issuer = offered.issuer;
    let grants = offered.grants.iter().map(|grant| grant.as_str());
    let algorithms = offered.algorithms.iter();
    let algorithms = algorithms.map(|algorithm| algorithm.as_str());
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
        "id_token_signing_alg_values_supported": algorithms.collect::<Vec<_>>(),
        "claims_supported": jose::CLAIMS,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants.collect::<Vec<_>>(),
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": scopes.collect::<Vec<_>>(),
        "token_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": by_secret.collect::<Vec<_>>(),
        "revocation_endpoint_auth_methods_supported": METHODS,
        "authorization_response_iss_parameter_supported": true,
    }))
}
