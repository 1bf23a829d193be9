//! Reading a JWT strictly: what it says before and after it is believed (RFC 7515, 7519, 8725).

use std::collections::{BTreeMap, HashSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::{application::IssuerName, port::issuers::Assertion, time::Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode,
    jwk::{Jwk, PublicKeyUse},
};
use serde_json::{Map, Value};

/// The longest assertion, in bytes.
const LONGEST: usize = 16_384;

/// The longest name of a key, in bytes.
const LONGEST_NAME: usize = 256;

/// Seconds since 1970 that a time may be: until the year 9999.
const LATEST: i64 = 253_402_300_799;

/// An assertion before it is believed.
pub(crate) struct Unverified<'a> {
    text: &'a str,
    /// Its algorithm; never `none`, never one with a shared key.
    algorithm: Algorithm,
    /// Which key is to have signed it.
    pub(crate) kid: String,
    /// Who is to have signed it.
    pub(crate) issuer: String,
}

type Why = &'static str;

impl<'a> Unverified<'a> {
    /// Reads header and issuer; nothing in it is acted on but the names of issuer and key (FED-04).
    pub(crate) fn read(text: &'a str) -> Result<Self, Why> {
        if text.len() > LONGEST {
            return Err("longer than 16 KiB");
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("not a JWS");
        };
        let header = object(header).ok_or("its header cannot be read")?;
        if ["crit", "jwk", "jku", "x5u", "x5c", "zip", "enc", "b64"]
            .iter()
            .any(|member| header.contains_key(*member))
        {
            return Err("its header holds what is not for a sender to say");
        }
        let algorithm = match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => Algorithm::RS256,
            Some("PS256") => Algorithm::PS256,
            Some("ES256") => Algorithm::ES256,
            Some("EdDSA") => Algorithm::EdDSA,
            _ => return Err("its algorithm is not one of RS256, PS256, ES256, EdDSA"),
        };
        let kid = header.get("kid").and_then(Value::as_str);
        if kid.is_some_and(|kid| kid.len() > LONGEST_NAME) {
            return Err("its header names a key by more than 256 bytes");
        }
        let claims = object(claims).ok_or("its claims cannot be read")?;
        let issuer = claims.get("iss").and_then(Value::as_str);
        Ok(Self {
            text,
            algorithm,
            kid: kid.ok_or("its header names no key")?.to_owned(),
            issuer: issuer.ok_or("it names no issuer")?.to_owned(),
        })
    }

    /// What it says, if `key` has signed it.
    pub(crate) fn verify(&self, key: &Jwk, issuer: &IssuerName) -> Result<Assertion, Why> {
        let usage = key.common.public_key_use.as_ref();
        let for_signing = usage.is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let named = key.common.key_algorithm.as_ref().map(ToString::to_string);
        let same = named.is_none_or(|named| named == format!("{:?}", self.algorithm));
        if !for_signing || !same {
            return Err("its key is for something else");
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| "its key cannot be used")?;
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims = HashSet::new();
        // Times and audience are the engine's to judge, by its own clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = decode::<Map<String, Value>>(self.text, &key, &validation);
        let claims = decoded.map_err(|_| "its signature is not good")?.claims;
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err("it names two issuers");
        }
        Ok(Assertion {
            issuer: issuer.clone(),
            audiences: audiences(&claims)?,
            id: optional(&claims, "jti")?,
            issued_at: time(&claims, "iat")?.ok_or("it has no iat")?,
            expires_at: time(&claims, "exp")?.ok_or("it has no exp")?,
            not_before: time(&claims, "nbf")?,
            claims: texts(&claims),
        })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn audiences(claims: &Map<String, Value>) -> Result<Vec<String>, Why> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match claims.get("aud") {
        Some(Value::String(audience)) => Ok(vec![audience.clone()]),
        Some(Value::Array(list)) => {
            let list: Option<Vec<String>> = list.iter().map(text).collect();
            list.ok_or("its audience is no text")
        }
        _ => Err("it has no audience"),
    }
}

fn optional(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, Why> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("its id is no text"),
    }
}

/// Whole seconds, as a number: a time in any other form counts as wrong, never as absent
/// (CVE-2026-25537).
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Why> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .filter(|seconds| (0..=LATEST).contains(seconds))
            .map(|seconds| Some(Timestamp::from_epoch_seconds(seconds)))
            .ok_or("one of its times is no whole number of seconds"),
    }
}

/// Claims as texts, empty where they are of another kind; members of objects by their path, joined by `/`. A path that two
/// of them have names nothing.
fn texts(claims: &Map<String, Value>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(claims, "", &mut found);
    found
        .into_iter()
        .filter_map(|(path, text)| text.map(|text| (path, text)))
        .collect()
}

fn collect(claims: &Map<String, Value>, above: &str, found: &mut BTreeMap<String, Option<String>>) {
    for (name, value) in claims {
        let path = format!("{above}{name}");
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(is) => is.to_string(),
            Value::Object(members) => {
                collect(members, &format!("{path}/"), found);
                continue;
            }
            // There, but nothing that anybody could have asked for.
            _ => String::new(),
        };
        let only = if found.contains_key(&path) {
            None
        } else {
            Some(text)
        };
        found.insert(path, only);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_texts_by_their_path_and_two_of_one_path_are_none() {
        let claims = json!({
            "sub": "system:serviceaccount:shop:deploy",
            "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "deploy", "uid": 1 } },
            "protected": true,
            "groups": ["a"],
            "a": { "b": "1" },
            "a/b": "2",
        });
        let texts = texts(claims.as_object().expect("claims"));
        let texts: Vec<_> = texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                ("groups", ""),
                ("kubernetes.io/namespace", "shop"),
                ("kubernetes.io/serviceaccount/name", "deploy"),
                ("kubernetes.io/serviceaccount/uid", ""),
                ("protected", "true"),
                ("sub", "system:serviceaccount:shop:deploy"),
            ]
        );
    }
}
