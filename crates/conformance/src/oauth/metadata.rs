//! What the server says of itself: both documents, and its keys.

use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::{keys, provider::Provider};
use crate::{
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    http::Call,
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "metadata.issuer" "OIDC Discovery §4.3" ["MET-01"] issuer;
    Quick "metadata.endpoints" "RFC 8414 §2" ["MET-01"] endpoints;
    Quick "metadata.both_documents_say_the_same" "RFC 8414 §5" ["MET-01"] both_documents_say_the_same;
    Quick "metadata.challenges" "RFC 9700 §2.1.1" ["MET-01" "AUT-02"] challenges;
    Quick "metadata.keys" "RFC 7517 §4" ["MET-01"] public_keys;
];

async fn issuer(provider: &Provider) -> Checked {
    provider.documents.told()?;
    let base = provider.http.base();
    for document in provider.documents.all() {
        let issuer = document.get("issuer").and_then(Value::as_str);
        let issuer = issuer.unwrap_or_default();
        // How an address without a path ends is not said where it is typed.
        let is_own = issuer.strip_suffix('/').unwrap_or(issuer) == base;
        demand!(
            is_own,
            "`issuer` is {issuer:?}, not {base:?}: clients must not believe it"
        );
    }
    Ok(())
}

/// What each server lists; the rest is of OpenID Connect (Discovery §3).
const LISTS: [&str; 3] = [
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
];

async fn endpoints(provider: &Provider) -> Checked {
    let told = provider.documents.told()?;
    provider.endpoint("authorization_endpoint")?;
    provider.endpoint("token_endpoint")?;
    let lists = if provider.documents.openid.is_ok() {
        demand!(
            told.contains_key("jwks_uri"),
            "the metadata name no `jwks_uri`"
        );
        LISTS.as_slice()
    } else {
        &LISTS[..1]
    };
    for name in lists {
        let list = provider.documents.list(name).unwrap_or_default();
        demand!(!list.is_empty(), "`{name}` is missing, or no list of texts");
    }
    let is_address = |name: &str| name.ends_with("_endpoint") || name == "jwks_uri";
    for (name, address) in told.iter().filter(|(name, _)| is_address(name)) {
        let url = address.as_str().and_then(|url| url.parse::<Url>().ok());
        let is_safe = |url: &Url| url.scheme() == "https" || provider.http.is_own(url);
        let url = url.filter(|url| is_safe(url) && url.fragment().is_none());
        let Some(url) = url else {
            return Err(Flaw::Wrong(format!(
                "`{name}` is {address}, which is no https address and none of this server"
            )));
        };
        let got = provider.http.send(Call::get(url.as_str())).await?;
        let posted = provider.http.send(Call::post(url.as_str()).form([]));
        demand!(
            got.status() != 404 || posted.await?.status() != 404,
            "`{name}` is listed, and {}",
            got.told()
        );
    }
    Ok(())
}

async fn both_documents_say_the_same(provider: &Provider) -> Checked {
    let documents = &provider.documents;
    let (Ok(openid), Ok(oauth)) = (&documents.openid, &documents.oauth) else {
        documents.told()?;
        return Err(Flaw::Skipped("the server has one document only".to_owned()));
    };
    for (name, value) in openid {
        let other = oauth.get(name).unwrap_or(value);
        demand!(
            value == other,
            "`{name}` is {value} in one document and {other} in the other"
        );
    }
    Ok(())
}

async fn challenges(provider: &Provider) -> Checked {
    provider.documents.told()?;
    let methods = provider.documents.list("code_challenge_methods_supported");
    let methods = methods.unwrap_or_default();
    demand!(
        methods == ["S256"],
        "`code_challenge_methods_supported` is {methods:?}, not S256 alone: clients cannot rely on PKCE"
    );
    Ok(())
}

/// Members of keys that are nobody's but the server's (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

async fn public_keys(provider: &Provider) -> Checked {
    let keys = keys::told(provider).await?;
    demand!(!keys.is_empty(), "the JWKS holds no key");
    let mut kids = BTreeSet::new();
    for key in &keys {
        let kind = key.get("kty").and_then(Value::as_str).unwrap_or_default();
        demand!(
            !kind.is_empty() && kind != "oct",
            "a key of the JWKS has the `kty` {kind:?}"
        );
        for name in PRIVATE {
            demand!(
                !key.contains_key(name),
                "a key of the JWKS has the member `{name}`, which is private"
            );
        }
        let kid = key.get("kid").and_then(Value::as_str).unwrap_or_default();
        demand!(
            kids.insert(kid) && (keys.len() == 1 || !kid.is_empty()),
            "two keys of the JWKS cannot be told apart: `kid` is missing or repeated"
        );
    }
    let algorithms = provider
        .documents
        .list("id_token_signing_alg_values_supported");
    for algorithm in algorithms.unwrap_or_default() {
        let kind = match algorithm.get(..2) {
            Some("ES") => "EC",
            Some("RS" | "PS") => "RSA",
            Some("Ed") => "OKP",
            _ => continue,
        };
        let has = keys.iter().any(|key| key.get("kty") == Some(&kind.into()));
        demand!(has, "{algorithm} is listed, and the JWKS has no {kind} key");
    }
    Ok(())
}
