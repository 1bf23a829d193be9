//! The introspection endpoint.

use serde_json::{Map, Value, json};

use super::{
    client::{Client, Shown, form},
    provider::{INVALID_CLIENT, INVALID_REQUEST, Provider, SignIn},
};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, demand},
    http::Call,
    sent::garbled,
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "introspect.active" "RFC 7662 §2.2" [] active;
    Quick "introspect.needs_a_client" "RFC 7662 §2.1" ["MET-02"] needs_a_client;
    Quick "introspect.token_of_another_client" "RFC 7662 §4" ["MET-02"] token_of_another_client;
    Quick "introspect.no_token" "RFC 7662 §2.2" ["MET-03"] no_token;
];

async fn signed_in(provider: &Provider) -> Checked<&SignIn> {
    provider.endpoint("introspection_endpoint")?;
    provider.signed_in().await
}

async fn active(provider: &Provider) -> Checked {
    let held = signed_in(provider).await?;
    let answer = provider.introspect(&held.client, &held.access).await?;
    let told = answer.granted()?;
    demand!(
        told.get("active") == Some(&json!(true)),
        "{}: `active` is not true of a token that is good",
        answer.told()
    );
    are_right(&told, &answer, provider, &held.client)
}

/// All else is optional; what is there is right.
fn are_right(
    told: &Map<String, Value>,
    answer: &Answer,
    provider: &Provider,
    client: &Client,
) -> Checked {
    for (name, expected) in [
        ("client_id", client.id.as_str()),
        ("iss", provider.endpoint("issuer")?),
    ] {
        let own = told.get(name).cloned().unwrap_or_else(|| expected.into());
        demand!(own == expected, "`{name}` is {own}, not {expected:?}");
    }
    let scopes = provider.scopes();
    let scope = told.get("scope").and_then(Value::as_str);
    let is_asked = |scope: &str| scope.split(' ').all(|own| scopes.contains(&own));
    demand!(
        scope.is_none_or(is_asked),
        "`scope` is {:?}, and {:?} was asked for",
        scope.unwrap_or_default(),
        scopes.join(" ")
    );
    if told.contains_key("exp") {
        let (exp, date) = (answer.whole("exp")?, answer.date()?);
        demand!(exp > date, "`exp` is {exp}, which is over already");
    }
    Ok(())
}

async fn needs_a_client(provider: &Provider) -> Checked {
    let held = signed_in(provider).await?;
    let call = Call::post(provider.endpoint("introspection_endpoint")?);
    let nobody = form(call, &vec![("token", held.access.clone())]);
    let answer = provider.http.send(nobody).await?;
    answer.errs(&[INVALID_CLIENT, (400, "invalid_client"), INVALID_REQUEST])?;
    let client = &held.client;
    for thief in [
        client.shown(Shown::None),
        client.with_secret(&garbled(&client.secret)),
    ] {
        let answer = provider.introspect(&thief, &held.access).await?;
        answer.errs(&[INVALID_CLIENT, (400, "invalid_client")])?;
    }
    Ok(())
}

/// Inactive, and nothing else.
async fn is_told_nothing(provider: &Provider, client: &Client, token: &str) -> Checked {
    let answer = provider.introspect(client, token).await?;
    let told = Value::Object(answer.granted()?);
    demand!(
        told == json!({ "active": false }),
        "{}: it should say that the token is not active, and nothing else",
        answer.told()
    );
    Ok(())
}

async fn token_of_another_client(provider: &Provider) -> Checked {
    let held = signed_in(provider).await?;
    let other = provider.client().await?;
    is_told_nothing(provider, &other, &held.access).await
}

async fn no_token(provider: &Provider) -> Checked {
    let held = signed_in(provider).await?;
    for token in [garbled(&held.access), "no-such-token".to_owned()] {
        is_told_nothing(provider, &held.client, &token).await?;
    }
    Ok(())
}
