//! The authorization endpoint, and the browser's way back.

use serde_json::{Value, json};
use url::Url;

use super::{client::Client, provider::Provider};
use crate::{
    approver::decision::Decision,
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    sent::{Query, parameter, replace, without},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "authorize.code_grant" "RFC 6749 §4.1.2" [] code_grant;
    Quick "authorize.denied" "RFC 6749 §4.1.2.1" [] denied;
    Quick "authorize.iss" "RFC 9207 §2" ["AUT-14"] iss;
    Quick "authorize.challenge_is_demanded" "RFC 9700 §2.1.1" ["AUT-01" "AUT-02" "AUT-03"] challenge_is_demanded;
    Quick "authorize.unknown_client" "RFC 6749 §4.1.2.1" ["URI-08"] unknown_client;
    Quick "authorize.redirect_uri_is_exact" "RFC 9700 §2.1" ["URI-03" "URI-06" "URI-08"] redirect_uri_is_exact;
    Quick "authorize.loopback_port" "RFC 8252 §7.3" ["URI-02"] loopback_port;
    Quick "authorize.response_type" "RFC 6749 §4.1.2.1" ["AUT-11"] response_type;
    Quick "authorize.repeated_parameter" "RFC 6749 §3.1" ["AUT-11" "URI-06"] repeated_parameter;
    Quick "authorize.prompt_none" "OIDC Core §3.1.2.6" ["AUT-18"] prompt_none;
    Quick "authorize.request_objects" "OIDC Core §3.1.2.6" ["AUT-13"] request_objects;
];

/// The query of an authorization request of a new client that keeps no secret, or of one that does
/// where the server takes no other.
async fn asked(provider: &Provider) -> Checked<(Client, Query)> {
    let client = match provider.public_client().await {
        Err(Flaw::Skipped(_)) => provider.client().await?,
        other => other?,
    };
    let query = provider.authorization(&client);
    Ok((client, query))
}

async fn sent_back(provider: &Provider, query: &Query, errors: &[&str]) -> Checked<Url> {
    let url = provider.authorize_url(query)?;
    provider.sent_back(&url, errors).await
}

async fn shown(provider: &Provider, query: &Query, what: &str) -> Checked {
    let url = provider.authorize_url(query)?;
    provider.shown(&url, what).await
}

async fn code_grant(provider: &Provider) -> Checked {
    let (client, query) = asked(provider).await?;
    let url = provider.authorize_url(&query)?;
    let back = provider.authorize(&url, Decision::Approve).await?;
    provider.is_back(&back)?;
    let code = parameter(&back, "code").unwrap_or_default();
    let answer = provider.redeem(&client, &code).await?;
    answer.granted()?;
    answer.text("access_token")?;
    let kind = answer.text("token_type")?;
    demand!(
        kind.eq_ignore_ascii_case("bearer"),
        "`token_type` is {kind:?}, not \"Bearer\""
    );
    let expires = answer.whole("expires_in")?;
    demand!(expires > 0, "`expires_in` is {expires} seconds");
    Ok(())
}

async fn denied(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    let url = provider.authorize_url(&query)?;
    let back = provider.authorize(&url, Decision::Deny).await?;
    provider.is_back_with(&back, &["access_denied"])
}

async fn iss(provider: &Provider) -> Checked {
    let told = provider.documents.told()?;
    let name = "authorization_response_iss_parameter_supported";
    demand!(
        told.get(name) == Some(&Value::Bool(true)),
        "`{name}` is not true in the metadata: clients of several servers can be mixed up"
    );
    let issuer = provider.endpoint("issuer")?;
    let (_, query) = asked(provider).await?;
    let url = provider.authorize_url(&query)?;
    let success = provider.authorize(&url, Decision::Approve).await?;
    let query = without(query, "code_challenge");
    let error = sent_back(provider, &query, &["invalid_request"]).await?;
    for (back, what) in [(success, "a code"), (error, "an error")] {
        let iss = parameter(&back, "iss").unwrap_or_default();
        demand!(
            iss == issuer,
            "`iss` is {iss:?} beside {what}, not {issuer:?}"
        );
    }
    Ok(())
}

async fn challenge_is_demanded(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    let queries = [
        without(query.clone(), "code_challenge"),
        without(
            without(query.clone(), "code_challenge"),
            "code_challenge_method",
        ),
        without(query.clone(), "code_challenge_method"),
        replace(query.clone(), "code_challenge_method", "plain"),
        replace(query, "code_challenge", "too-short"),
    ];
    for query in queries {
        sent_back(provider, &query, &["invalid_request"]).await?;
    }
    Ok(())
}

async fn unknown_client(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    let unknown = replace(query.clone(), "client_id", "no-such-client");
    shown(provider, &unknown, "an unknown client").await?;
    shown(provider, &without(query, "client_id"), "no client").await
}

async fn redirect_uri_is_exact(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    let own = provider.redirect_uri();
    let uris = [
        own.replace("/callback", "/elsewhere"),
        own.replace("/callback", "/Callback"),
        own.replace("/callback", "/%63allback"),
        own.replace("/callback", "/x/../callback"),
        format!("{own}/"),
        format!("{own}?more=1"),
        own.replace("http:", "https:"),
        own.replace("127.0.0.1", "localhost"),
        own.replace("127.0.0.1", "127.0.0.2"),
        own.replace("127.0.0.1", "127.0.0.1.evil.example"),
        own.replace("127.0.0.1", "127.0.0.1@evil.example"),
        String::new(),
    ];
    for uri in uris {
        let what = format!("the redirect URI {uri:?}, which is not registered");
        let query = replace(query.clone(), "redirect_uri", &uri);
        shown(provider, &query, &what).await?;
    }
    shown(provider, &without(query, "redirect_uri"), "no redirect URI").await
}

/// Native applications listen where the system lets them.
async fn loopback_port(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    for port in ["1", "65535"] {
        let uri = format!("http://127.0.0.1:{port}/oauth/callback");
        let query = replace(query.clone(), "redirect_uri", &uri);
        let answer = provider.open(&provider.authorize_url(&query)?).await?;
        let is_error = answer
            .header("location")
            .is_some_and(|back| back.contains("error="));
        demand!(
            answer.status() < 400 && !is_error,
            "{} for port {port} of the registered redirect URI: applications have another each time",
            answer.told()
        );
    }
    Ok(())
}

async fn response_type(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    let told = provider.documents.list("response_types_supported");
    for kind in ["token", "id_token", "code token", "no-such-type"] {
        // A server that knows the type does not give it to this client, or misses something.
        let errors: &[&str] = if told.as_ref().is_some_and(|told| told.contains(&kind)) {
            &[
                "unauthorized_client",
                "unsupported_response_type",
                "invalid_request",
            ]
        } else {
            &["unsupported_response_type"]
        };
        let query = replace(query.clone(), "response_type", kind);
        let answer = provider.open(&provider.authorize_url(&query)?).await?;
        // Of such types an error may be told in the fragment (RFC 6749 §4.2.2.1).
        let location = answer.header("location");
        let location = location.map(|location| location.replacen('#', "?", 1));
        provider.leads_back(&answer, location.as_deref(), errors)?;
    }
    let missing = ["invalid_request", "unsupported_response_type"];
    let query = without(query, "response_type");
    sent_back(provider, &query, &missing).await.map(|_| ())
}

/// The application hears of it, or the person does; nobody is asked to approve.
async fn repeated_parameter(provider: &Provider) -> Checked {
    let (_, query) = asked(provider).await?;
    for (name, value) in [
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", "another"),
        ("code_challenge_method", "S256"),
    ] {
        let mut query = query.clone();
        query.push((name, value.to_owned()));
        let what = format!("`{name}` given twice");
        if shown(provider, &query, &what).await.is_err() {
            sent_back(provider, &query, &["invalid_request"]).await?;
        }
    }
    for (name, value) in [
        ("client_id", "another"),
        ("redirect_uri", "http://evil.example/"),
    ] {
        let mut query = query.clone();
        query.push((name, value.to_owned()));
        shown(provider, &query, &format!("`{name}` given twice")).await?;
    }
    Ok(())
}

async fn prompt_none(provider: &Provider) -> Checked {
    provider.speaks_openid()?;
    let (_, mut query) = asked(provider).await?;
    query.push(("prompt", "none".to_owned()));
    sent_back(provider, &query, &["login_required"])
        .await
        .map(|_| ())
}

async fn request_objects(provider: &Provider) -> Checked {
    provider.speaks_openid()?;
    let told = provider.documents.told()?;
    let (_, query) = asked(provider).await?;
    let is_off = |name: &str| told.get(name) == Some(&json!(false));
    let mut refused = 0;
    for (name, value) in [
        ("request", "eyJhbGciOiJub25lIn0.e30."),
        ("request_uri", "https://evil.example/request"),
    ] {
        if is_off(&format!("{name}_parameter_supported")) {
            let mut query = query.clone();
            query.push((name, value.to_owned()));
            sent_back(provider, &query, &[&format!("{name}_not_supported")]).await?;
            refused += 1;
        }
    }
    if refused == 0 {
        return Err(Flaw::Skipped(
            "the metadata do not say that request objects are not supported".to_owned(),
        ));
    }
    Ok(())
}
