//! The refresh grant. Whether tokens rotate is the server's choice.

use super::provider::{INVALID_GRANT, Provider, SignIn, refreshing};
use crate::{
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    sent::garbled,
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "refresh.goes_on" "RFC 6749 §6" ["REF-01"] goes_on;
    Quick "refresh.narrower_scope" "RFC 6749 §6" ["REF-13"] narrower_scope;
    Quick "refresh.wider_scope" "RFC 6749 §6" ["REF-13"] wider_scope;
    Quick "refresh.token_of_another_client" "RFC 6749 §6" ["REF-10"] token_of_another_client;
    Quick "refresh.garbled_token" "RFC 6749 §5.2" ["REF-12"] garbled_token;
    Quick "refresh.each_token_for_its_own_use" "RFC 6749 §1.5" ["TOK-08"] each_token_for_its_own_use;
];

/// A sign-in with a refresh token.
async fn begun(provider: &Provider) -> Checked<(SignIn, String)> {
    let signed_in = provider.sign_in().await?;
    let refresh = signed_in.refresh()?;
    Ok((signed_in, refresh))
}

/// A refresh that must be served; the token for the next one is the new one, or the same.
async fn next(provider: &Provider, before: &SignIn, token: &str) -> Checked<(SignIn, String)> {
    let client = before.client.clone();
    let answer = provider.refresh(&client, token).await?;
    let held = SignIn::of(client, answer)?;
    let token = held.refresh().unwrap_or_else(|_| token.to_owned());
    Ok((held, token))
}

async fn goes_on(provider: &Provider) -> Checked {
    let (mut held, mut token) = begun(provider).await?;
    for _ in 0..3 {
        (held, token) = next(provider, &held, &token).await?;
        demand!(
            provider.is_good(&held.client, &held.access).await?,
            "a refresh gives an access token that is worth nothing"
        );
    }
    Ok(())
}

/// What a token was given for.
fn scope(held: &SignIn, asked: &str) -> Checked<String> {
    // Left out where it is what was asked for (RFC 6749 §5.1).
    let told = held.answer.json()?.contains_key("scope");
    if told {
        held.answer.text("scope")
    } else {
        Ok(asked.to_owned())
    }
}

async fn narrower_scope(provider: &Provider) -> Checked {
    let [narrow, _, ..] = provider.scopes()[..] else {
        return Err(Flaw::Skipped("the server has one scope only".to_owned()));
    };
    let (held, token) = begun(provider).await?;
    let whole = scope(&held, &provider.scopes().join(" "))?;
    let mut fields = refreshing(&token);
    fields.push(("scope", narrow.to_owned()));
    let answer = provider.token(&held.client, fields).await?;
    let narrower = SignIn::of(held.client.clone(), answer)?;
    let told = scope(&narrower, "")?;
    demand!(
        told == narrow,
        "`scope` is {told:?} where {narrow:?} was asked for"
    );
    // The token itself is no narrower for it.
    let token = narrower.refresh().unwrap_or(token);
    let (held, _) = next(provider, &held, &token).await?;
    let told = scope(&held, &whole)?;
    demand!(
        told == whole,
        "`scope` is {told:?} after a narrower refresh, and was {whole:?} before"
    );
    Ok(())
}

async fn wider_scope(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let narrow = provider.scopes().first().copied().unwrap_or_default();
    let query = crate::sent::replace(provider.authorization(&client), "scope", narrow);
    let held = provider.sign_in_by(client, &query).await?;
    let token = held.refresh()?;
    for wider in ["profile", "no-such-scope"] {
        let mut fields = refreshing(&token);
        fields.push(("scope", format!("{narrow} {wider}")));
        let answer = provider.token(&held.client, fields).await?;
        answer.errs(&[(400, "invalid_scope")])?;
    }
    next(provider, &held, &token).await.map(|_| ())
}

async fn token_of_another_client(provider: &Provider) -> Checked {
    let (held, token) = begun(provider).await?;
    let thief = provider.client().await?;
    let answer = provider.refresh(&thief, &token).await?;
    answer.errs(&[INVALID_GRANT])?;
    next(provider, &held, &token).await.map(|_| ())
}

async fn garbled_token(provider: &Provider) -> Checked {
    let (held, token) = begun(provider).await?;
    let cut = token.get(..token.len() / 2).unwrap_or_default();
    for garbled in [garbled(&token), cut.to_owned(), "no-such-token".to_owned()] {
        let answer = provider.refresh(&held.client, &garbled).await?;
        answer.errs(&[INVALID_GRANT])?;
    }
    next(provider, &held, &token).await.map(|_| ())
}

async fn each_token_for_its_own_use(provider: &Provider) -> Checked {
    let held = provider.signed_in().await?;
    let refresh = held.refresh()?;
    let answer = provider.refresh(&held.client, &held.access).await?;
    answer.errs(&[INVALID_GRANT])?;
    demand!(
        !provider.is_good(&held.client, &refresh).await?,
        "a refresh token is taken for an access token"
    );
    Ok(())
}
