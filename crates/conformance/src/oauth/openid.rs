//! OpenID Connect: ID tokens, and what the `userinfo` endpoint tells.

use serde_json::{Map, Value};

use super::{
    client::form,
    keys,
    provider::{NONCE, Provider, SignIn},
};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    http::Call,
    sent::{replace, without},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "openid.id_token" "OIDC Core §3.1.3.7" [] id_token;
    Quick "openid.nonce" "OIDC Core §3.1.3.7" ["AUT-24"] nonce;
    Quick "openid.refreshed_id_token" "OIDC Core §12.2" [] refreshed_id_token;
    Quick "openid.userinfo" "OIDC Core §5.3" [] userinfo;
    Quick "openid.userinfo_without_a_token" "RFC 6750 §3" [] userinfo_without_a_token;
    Quick "openid.without_the_scope" "RFC 6750 §3.1" [] without_the_scope;
];

type Claims = Map<String, Value>;

/// A sign-in, and the claims of its ID token.
async fn signed_in(provider: &Provider) -> Checked<(&SignIn, Claims)> {
    provider.speaks_openid()?;
    let held = provider.signed_in().await?;
    let claims = keys::claims(provider, &held.answer).await?;
    Ok((held, claims))
}

fn text<'a>(claims: &'a Claims, name: &str) -> &'a str {
    let value = claims.get(name).and_then(Value::as_str);
    value.unwrap_or_default()
}

/// A claim for a reason.
fn told(claims: &Claims, name: &str) -> String {
    let value = claims.get(name);
    value.map_or_else(|| "missing".to_owned(), Value::to_string)
}

async fn id_token(provider: &Provider) -> Checked {
    let (held, claims) = signed_in(provider).await?;
    let (iss, issuer) = (text(&claims, "iss"), provider.endpoint("issuer")?);
    demand!(iss == issuer, "`iss` is {iss:?}, not {issuer:?}");
    let aud = claims.get("aud").cloned().unwrap_or_default();
    let id = &held.client.id;
    let is_own = match &aud {
        Value::String(only) => only == id,
        Value::Array(several) => several.iter().any(|one| one == id.as_str()),
        _ => false,
    };
    demand!(is_own, "`aud` is {aud}, without the client's id");
    let sub = text(&claims, "sub");
    demand!(
        (1..=255).contains(&sub.len()) && sub.is_ascii(),
        "`sub` is {sub:?}, which is no ASCII of 1 to 255 characters"
    );
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let date = held.answer.date()?;
    demand!(
        time("iat").is_some_and(|iat| (iat - date).abs() <= 60),
        "`iat` is {}, which is not the time of the answer ({date}) in seconds",
        told(&claims, "iat")
    );
    demand!(
        time("exp").is_some_and(|exp| exp > date),
        "`exp` is {}, which is not after the answer ({date})",
        told(&claims, "exp")
    );
    Ok(())
}

async fn nonce(provider: &Provider) -> Checked {
    let (_, claims) = signed_in(provider).await?;
    let nonce = text(&claims, "nonce");
    demand!(
        nonce == NONCE,
        "`nonce` is {nonce:?}, and {NONCE:?} was sent"
    );
    Ok(())
}

/// Servers need not give one; one that they give is of the same sign-in.
async fn refreshed_id_token(provider: &Provider) -> Checked {
    provider.speaks_openid()?;
    let held = provider.sign_in().await?;
    let first = keys::claims(provider, &held.answer).await?;
    let answer = provider.refresh(&held.client, &held.refresh()?).await?;
    if !answer.granted()?.contains_key("id_token") {
        return Err(Flaw::Skipped(
            "this server gives no ID token with a refresh".to_owned(),
        ));
    }
    let second = keys::claims(provider, &answer).await?;
    for name in ["iss", "sub", "aud", "auth_time"] {
        demand!(
            first.get(name) == second.get(name),
            "`{name}` is {} after a refresh, and was {}",
            told(&second, name),
            told(&first, name)
        );
    }
    demand!(
        !second.contains_key("nonce") || text(&second, "nonce") == NONCE,
        "`nonce` is {} after a refresh, and {NONCE:?} was sent",
        told(&second, "nonce")
    );
    Ok(())
}

async fn userinfo(provider: &Provider) -> Checked {
    let address = provider.endpoint("userinfo_endpoint")?;
    let (held, claims) = signed_in(provider).await?;
    let bearer = format!("Bearer {}", held.access);
    // Both methods are demanded (§5.3.1). Some servers take an empty form for none.
    let field = vec![("schema", "openid".to_owned())];
    for call in [Call::get(address), form(Call::post(address), &field)] {
        let answer = provider.http.send(call.header("authorization", &bearer));
        let answer = answer.await?;
        answer.granted()?;
        let (sub, expected) = (answer.text("sub")?, text(&claims, "sub"));
        if sub != expected {
            return Err(answer.wrong(format!(
                "`sub` is {sub:?}, and {expected:?} in the ID token"
            )));
        }
    }
    Ok(())
}

/// Refused with a challenge of `Bearer` that names this error, if any.
fn challenged(answer: &Answer, statuses: &[u16], error: &str) -> Checked {
    demand!(
        statuses.contains(&answer.status()),
        "{}, and should be one of {statuses:?}",
        answer.told()
    );
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let is_bearer = challenge.to_ascii_lowercase().starts_with("bearer");
    if !is_bearer || !challenge.contains(error) {
        return Err(answer.wrong(format!(
            "WWW-Authenticate is {challenge:?}, and should be \"Bearer {error}\""
        )));
    }
    Ok(())
}

async fn userinfo_without_a_token(provider: &Provider) -> Checked {
    let call = Call::get(provider.endpoint("userinfo_endpoint")?);
    challenged(&provider.http.send(call).await?, &[401], "")?;
    let answer = provider.userinfo("no-such-token").await?;
    challenged(&answer, &[401], "invalid_token")
}

async fn without_the_scope(provider: &Provider) -> Checked {
    provider.speaks_openid()?;
    provider.endpoint("userinfo_endpoint")?;
    let Some(other) = provider.scopes().get(1).copied() else {
        return Err(Flaw::Skipped("the server has one scope only".to_owned()));
    };
    let client = provider.client().await?;
    let query = without(provider.authorization(&client), "nonce");
    let query = replace(query, "scope", other);
    let held = provider.sign_in_by(client, &query).await?;
    demand!(
        !held.answer.json()?.contains_key("id_token"),
        "an ID token is given without the scope `openid`"
    );
    let answer = provider.userinfo(&held.access).await?;
    challenged(&answer, &[401, 403], "insufficient_scope")
}
