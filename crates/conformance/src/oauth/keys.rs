//! The keys that a server tells, and what they signed.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header, jwk::Jwk,
};
use serde_json::{Map, Value};

use super::provider::Provider;
use crate::{
    answer::Answer,
    flaw::{Checked, Flaw, demand},
    http::Call,
};

/// What the server tells at `jwks_uri`.
pub(super) async fn told(provider: &Provider) -> Checked<Vec<Map<String, Value>>> {
    let call = Call::get(provider.endpoint("jwks_uri")?);
    let answer = provider.http.send(call).await?;
    demand!(
        answer.status() == 200,
        "{}, and should answer 200",
        answer.told()
    );
    // Either media type is in use: that of JSON, and that of RFC 7517 §8.5.
    let mut set = answer.object()?;
    let keys = set.remove("keys").map(serde_json::from_value);
    let keys = keys.and_then(Result::ok);
    keys.ok_or_else(|| answer.wrong("`keys` is missing or no list of objects"))
}

/// The claims of the ID token in an answer of the token endpoint, which one of the told keys must
/// have signed, by one of the told algorithms.
pub(super) async fn claims(provider: &Provider, answer: &Answer) -> Checked<Map<String, Value>> {
    let token = answer.text("id_token")?;
    let wrong = |what: &str| Flaw::Wrong(format!("the ID token is not sound: {what}"));
    let header = decode_header(&token).map_err(|error| wrong(&error.to_string()))?;
    let listed = provider
        .documents
        .list_or("id_token_signing_alg_values_supported", &["RS256"]);
    let algorithm = name(header.alg);
    demand!(
        listed.contains(&algorithm.as_str()),
        "the ID token is signed by {algorithm}, which the metadata do not list"
    );
    demand!(
        header.alg.family() != AlgorithmFamily::Hmac,
        "the ID token is signed by {algorithm}: no key of the JWKS verifies that"
    );
    let mut keys = told(provider).await?;
    let kid = header.kid.as_deref();
    keys.retain(|key| kid.is_none() || key.get("kid").and_then(Value::as_str) == kid);
    demand!(
        keys.len() == 1,
        "the ID token was signed by the key {:?}, and the JWKS holds {} of that name",
        kid.unwrap_or_default(),
        keys.len()
    );
    let key = keys.into_iter().map(Value::Object).collect();
    let [key] =
        serde_json::from_value::<[Jwk; 1]>(key).map_err(|error| wrong(&error.to_string()))?;
    let key = DecodingKey::from_jwk(&key).map_err(|error| wrong(&error.to_string()))?;
    // Whom it is for and until when are checks of their own.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = decode::<Map<String, Value>>(&token, &key, &validation);
    Ok(decoded.map_err(|error| wrong(&error.to_string()))?.claims)
}

/// The registered name of an algorithm, which is how it is serialized.
fn name(algorithm: Algorithm) -> String {
    let name = serde_json::to_value(algorithm).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
