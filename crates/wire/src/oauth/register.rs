//! The registration endpoint (RFC 7591).

use bytes::Bytes;
use claviger_engine::{
    client::register::{Registered, Registration},
    error::{Error, Kind, Refusal},
};
use claviger_model::{
    client::{Authentication, Dialect, GrantType, SigningAlgorithm},
    redirect_uri::RedirectUri,
    scope::ABOUT_PEOPLE,
    secret::Secret,
};
use http::{Response, StatusCode};
use serde_json::json;

use super::{
    client::{METHODS, NONE},
    form::words,
};
use crate::{answer, body::Members};

const NAME: usize = 1020;
const URL: usize = 2048;
const SCOPES: usize = 4096;

/// What an application is called that has not said so.
const NAMELESS: &str = "Unnamed application";

/// Members that bring keys: nothing is fetched for a client, and none signs anything (SETTLED).
const KEYS: [&str; 3] = ["jwks_uri", "jwks", "sector_identifier_uri"];

/// Members that would change what the client is answered. They are not left aside, or it would wait for what never comes.
const UNOFFERED: [&str; 9] = [
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "id_token_encrypted_response_alg",
    "introspection_signed_response_alg",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
    "require_pushed_authorization_requests",
    "default_max_age",
];

/// Reads a registration, and the method by which the client wants to show that it is itself. What only describes it to
/// people is left aside.
pub fn decode(body: &[u8]) -> Result<(Registration, &'static str), Error> {
    let members = Members::read(body)?;
    if KEYS.iter().any(|name| members.has(name)) {
        return Err(metadata(
            "Keys of clients are not used here. Leave out jwks, jwks_uri and sector_identifier_uri.",
        )
        .into());
    }
    if UNOFFERED.iter().any(|name| members.has(name)) {
        return Err(metadata(
            "Answers are plain JSON, access tokens are bearer tokens, requests are not pushed, and max_age goes with \
             each of them. Leave out userinfo_… and introspection_signed_response_alg, those of encryption, \
             dpop_bound_… and tls_client_certificate_bound_access_tokens, require_pushed_authorization_requests and \
             default_max_age.",
        )
        .into());
    }
    let subject_type = members.text("subject_type", NAME)?;
    if subject_type.is_some_and(|kind| kind != "public") {
        return Err(metadata("subject_type must be public.").into());
    }
    let grant_types = members.texts("grant_types", URL)?.unwrap_or_default();
    let grant_types = if grant_types.is_empty() {
        vec![GrantType::AuthorizationCode.as_str().to_owned()]
    } else {
        grant_types
    };
    let responses = members.texts("response_types", NAME)?.unwrap_or_default();
    if responses.iter().any(|kind| kind != "code") {
        return Err(metadata("response_types must be code alone.").into());
    }
    let method = method(members.text("token_endpoint_auth_method", NAME)?)?;
    let id_token_alg = members.text("id_token_signed_response_alg", NAME)?;
    let registration = Registration {
        dialect: Dialect::Oauth,
        id_token_alg: id_token_alg.map_or(Ok(SigningAlgorithm::Es256), algorithm)?,
        authentication: if method == NONE {
            Authentication::None
        } else {
            Authentication::Secret
        },
        client_name: members
            .text("client_name", NAME)?
            .unwrap_or(NAMELESS)
            .to_owned(),
        grant_types: Some(grant_types),
        scopes: scopes(members.text("scope", SCOPES)?),
        redirect_uris: members.texts("redirect_uris", URL)?.unwrap_or_default(),
        issuer_url: None,
    };
    Ok((registration, method))
}

fn algorithm(asked: &str) -> Result<SigningAlgorithm, Refusal> {
    SigningAlgorithm::parse(asked)
        .ok_or_else(|| metadata("id_token_signed_response_alg must be ES256 or RS256."))
}

fn method(asked: Option<&str>) -> Result<&'static str, Refusal> {
    let [default, ..] = METHODS;
    let Some(asked) = asked else {
        return Ok(default);
    };
    let known = METHODS.into_iter().find(|method| *method == asked);
    known.ok_or_else(|| {
        metadata(
            "token_endpoint_auth_method must be client_secret_basic, client_secret_post or none.",
        )
    })
}

/// Those who name none may ask who somebody is, and for nothing of the portal.
fn scopes(text: Option<&str>) -> Vec<String> {
    let named = words(text.unwrap_or_default());
    if named.is_empty() {
        ABOUT_PEOPLE.map(ToOwned::to_owned).into()
    } else {
        named
    }
}

fn metadata(because: &'static str) -> Refusal {
    Kind::InvalidClientMetadata.because(because)
}

/// Writes what was registered, all of it (RFC 7591 §3.2.1). Whoever has a secret may show it either way.
pub fn encode(registered: &Registered, method: &str) -> Response<Bytes> {
    let metadata = &registered.metadata;
    let grants = metadata.grant_types.iter().map(|grant| grant.as_str());
    let codes = metadata.grant_types.contains(&GrantType::AuthorizationCode);
    let mut body = json!({
        "client_id": registered.client_id,
        "client_id_issued_at": registered.issued_at.epoch_seconds(),
        "client_name": metadata.name.as_str(),
        "redirect_uris": metadata.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>(),
        "grant_types": grants.collect::<Vec<_>>(),
        "response_types": if codes { vec!["code"] } else { vec![] },
        "scope": metadata.scopes.join(),
        "token_endpoint_auth_method": method,
        "id_token_signed_response_alg": metadata.id_token_alg.as_str(),
    });
    if let Some(secret) = registered.client_secret.as_ref().map(Secret::reveal) {
        body["client_secret"] = json!(secret);
        body["client_secret_expires_at"] = json!(registered.expires_at.epoch_seconds());
    }
    answer::json(StatusCode::CREATED, &body)
}
