//! The code grant at the token endpoint: whose code it is, and how often.

use super::provider::{INVALID_GRANT, INVALID_REQUEST, Provider, SignIn};
use crate::{
    answer::Refusal,
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    pkce,
    sent::{Query, replace, without},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "code.is_good_once" "RFC 6749 §4.1.2" ["AUT-07"] is_good_once;
    Quick "code.wrong_verifier" "RFC 7636 §4.6" ["AUT-05"] wrong_verifier;
    Quick "code.verifier_is_demanded" "RFC 7636 §4.6" ["AUT-04"] verifier_is_demanded;
    Quick "code.redirect_uri_is_bound" "RFC 6749 §4.1.3" ["URI-07"] redirect_uri_is_bound;
    Quick "code.of_another_client" "RFC 6749 §4.1.3" ["AUT-06"] of_another_client;
    Slow "code.expires" "RFC 6749 §4.1.2" ["AUT-09"] expires;
];

/// The longest that a code may live (RFC 6749 §4.1.2), in seconds.
const LONGEST: i64 = 600;

async fn is_good_once(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let code = provider.code(&client).await?;
    let answer = provider.redeem(&client, &code).await?;
    let held = SignIn::of(client, answer)?;
    let again = provider.redeem(&held.client, &code).await?;
    again.errs(&[INVALID_GRANT])?;
    // Somebody else has the code: what came of it must end.
    demand!(
        !provider.is_good(&held.client, &held.access).await?,
        "the access token goes on although its code was used twice"
    );
    if let Ok(refresh) = held.refresh() {
        let refreshed = provider.refresh(&held.client, &refresh).await?;
        refreshed.errs(&[INVALID_GRANT])?;
    }
    Ok(())
}

/// A redemption that is refused and leaves the code to its owner.
async fn refused_and_still_good(
    provider: &Provider,
    spoil: impl Fn(Query) -> Query,
    refusals: &[Refusal],
) -> Checked {
    let client = provider.client().await?;
    let code = provider.code(&client).await?;
    let fields = spoil(provider.redemption(&code));
    let answer = provider.token(&client, fields).await?;
    answer.errs(refusals)?;
    provider.redeem(&client, &code).await?.granted().map(|_| ())
}

async fn wrong_verifier(provider: &Provider) -> Checked {
    let spoil = |fields| replace(fields, "code_verifier", pkce::OTHER_VERIFIER);
    refused_and_still_good(provider, spoil, &[INVALID_GRANT]).await
}

async fn verifier_is_demanded(provider: &Provider) -> Checked {
    let refusals = [INVALID_REQUEST, INVALID_GRANT];
    let spoil = |fields| without(fields, "code_verifier");
    refused_and_still_good(provider, spoil, &refusals).await?;
    let spoil = |fields| replace(fields, "code_verifier", "");
    refused_and_still_good(provider, spoil, &refusals).await
}

async fn redirect_uri_is_bound(provider: &Provider) -> Checked {
    let other = "http://127.0.0.1:1/oauth/callback";
    let spoil = |fields| replace(fields, "redirect_uri", other);
    refused_and_still_good(provider, spoil, &[INVALID_GRANT]).await?;
    let spoil = |fields| without(fields, "redirect_uri");
    refused_and_still_good(provider, spoil, &[INVALID_REQUEST, INVALID_GRANT]).await
}

async fn of_another_client(provider: &Provider) -> Checked {
    let (client, thief) = (provider.client().await?, provider.client().await?);
    let code = provider.code(&client).await?;
    let answer = provider.redeem(&thief, &code).await?;
    answer.errs(&[INVALID_GRANT])?;
    provider.redeem(&client, &code).await?.granted().map(|_| ())
}

async fn expires(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let code = provider.code(&client).await?;
    let late = provider.redeem(&client, &code);
    let late = provider.later(LONGEST + 1, late).await?;
    if late.status() == 200 {
        return Err(Flaw::Wrong(format!(
            "a code is good for more than {LONGEST} seconds"
        )));
    }
    late.errs(&[INVALID_GRANT])
}
