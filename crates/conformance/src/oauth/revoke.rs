//! The revocation endpoint.

use super::provider::{INVALID_CLIENT, INVALID_GRANT, Provider, SignIn};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, demand},
    sent::garbled,
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "revoke.access_token" "RFC 7009 §2.1" ["MET-04"] access_token;
    Quick "revoke.refresh_token" "RFC 7009 §2.1" ["MET-04" "REF-08"] refresh_token;
    Quick "revoke.no_token" "RFC 7009 §2.2" ["MET-04"] no_token;
    Quick "revoke.token_of_another_client" "RFC 7009 §2.1" ["MET-05"] token_of_another_client;
    Quick "revoke.needs_its_client" "RFC 7009 §2.1" [] needs_its_client;
];

async fn begun(provider: &Provider) -> Checked<SignIn> {
    provider.endpoint("revocation_endpoint")?;
    provider.sign_in().await
}

fn done(answer: &Answer) -> Checked {
    demand!(
        answer.status() == 200,
        "{}, and should answer 200",
        answer.told()
    );
    Ok(())
}

/// Whether the access token of a sign-in is as good as it should be.
async fn is_good(provider: &Provider, held: &SignIn, expected: bool) -> Checked {
    let good = provider.is_good(&held.client, &held.access).await?;
    let (is, was) = if good {
        ("is still good", "was revoked")
    } else {
        ("is worth nothing", "was not revoked")
    };
    demand!(good == expected, "the access token {is} although it {was}");
    Ok(())
}

/// What kind of token the client takes it for changes nothing.
async fn access_token(provider: &Provider) -> Checked {
    let held = begun(provider).await?;
    is_good(provider, &held, true).await?;
    let fields = vec![
        ("token", held.access.clone()),
        ("token_type_hint", "refresh_token".to_owned()),
    ];
    let asked = provider.ask("revocation_endpoint", &held.client, fields);
    done(&asked.await?)?;
    is_good(provider, &held, false).await
}

async fn refresh_token(provider: &Provider) -> Checked {
    let held = begun(provider).await?;
    let refresh = held.refresh()?;
    done(&provider.revoke(&held.client, &refresh).await?)?;
    let answer = provider.refresh(&held.client, &refresh).await?;
    answer.errs(&[INVALID_GRANT])?;
    is_good(provider, &held, false).await
}

async fn no_token(provider: &Provider) -> Checked {
    provider.endpoint("revocation_endpoint")?;
    let client = provider.client().await?;
    done(&provider.revoke(&client, "no-such-token").await?)
}

/// Served or refused, and never done.
async fn token_of_another_client(provider: &Provider) -> Checked {
    let held = begun(provider).await?;
    let thief = provider.client().await?;
    for token in [Ok(held.access.clone()), held.refresh()]
        .into_iter()
        .flatten()
    {
        let answer = provider.revoke(&thief, &token).await?;
        demand!(
            answer.status() == 200 || (400..500).contains(&answer.status()),
            "{} for the token of another client",
            answer.told()
        );
        is_good(provider, &held, true).await?;
    }
    Ok(())
}

async fn needs_its_client(provider: &Provider) -> Checked {
    let held = begun(provider).await?;
    let thief = held.client.with_secret(&garbled(&held.client.secret));
    let answer = provider.revoke(&thief, &held.access).await?;
    answer.errs(&[INVALID_CLIENT])?;
    is_good(provider, &held, true).await
}
