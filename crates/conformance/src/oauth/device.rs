//! The device grant: where it begins, and the polls.

use std::collections::BTreeSet;

use serde_json::json;
use url::Url;

use super::{
    client::Client,
    provider::{Device, INVALID_GRANT, Provider, SignIn},
};
use crate::{
    answer::{Answer, Refusal},
    approver::decision::Decision,
    check::{Trial, checks},
    flaw::{Checked, demand},
    sent::{AUTHORIZATION_CODE, garbled},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "device.start" "RFC 8628 §3.2" ["DEV-01"] start;
    Quick "device.pending" "RFC 8628 §3.5" ["DEV-06"] pending;
    Quick "device.approved" "RFC 8628 §3.5" [] approved;
    Quick "device.denied" "RFC 8628 §3.5" ["DEV-10"] denied;
    Quick "device.unknown_code" "RFC 8628 §3.5" ["DEV-09"] unknown_code;
    Quick "device.code_of_another_client" "RFC 8628 §3.4" ["DEV-05"] code_of_another_client;
    Quick "device.client_without_the_grant" "RFC 6749 §5.2" ["DEV-25"] client_without_the_grant;
    Slow "device.expires" "RFC 8628 §3.5" ["DEV-08"] expires;
];

const PENDING: Refusal = (400, "authorization_pending");
const EXPIRED: Refusal = (400, "expired_token");

/// A client of the grant, where the server has it.
async fn client(provider: &Provider) -> Checked<Client> {
    provider.endpoint("device_authorization_endpoint")?;
    provider.client().await
}

async fn begun(provider: &Provider) -> Checked<(Client, Device)> {
    let client = client(provider).await?;
    let device = provider.device(&client).await?;
    Ok((client, device))
}

async fn start(provider: &Provider) -> Checked {
    let client = client(provider).await?;
    let mut codes = BTreeSet::new();
    for _ in 0..5 {
        let answer = provider.start_device(&client).await?;
        started(provider, &answer)?;
        let (code, user_code) = (answer.text("device_code")?, answer.text("user_code")?);
        demand!(
            codes.insert(code) && codes.insert(user_code),
            "two devices wait with the same code"
        );
    }
    Ok(())
}

fn started(provider: &Provider, answer: &Answer) -> Checked {
    let told = answer.granted()?;
    let uri = answer.text("verification_uri")?;
    let url = uri.parse::<Url>().ok();
    let is_safe = |url: &Url| url.scheme() == "https" || provider.http.is_own(url);
    demand!(
        url.as_ref().is_some_and(is_safe),
        "`verification_uri` is {uri:?}, which is no https address and none of this server"
    );
    if told.contains_key("verification_uri_complete") {
        let complete = answer.text("verification_uri_complete")?;
        let user_code = answer.text("user_code")?;
        demand!(
            complete.contains(&user_code),
            "`verification_uri_complete` is {complete:?}, without the user code {user_code}"
        );
    }
    let expires = answer.whole("expires_in")?;
    demand!(expires > 0, "`expires_in` is {expires} seconds");
    if told.contains_key("interval") {
        let interval = answer.whole("interval")?;
        demand!(interval > 0, "`interval` is {interval} seconds");
    }
    Ok(())
}

async fn pending(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    let first = provider.poll(&client, &device).await?;
    first.errs(&[PENDING])?;
    // At once: the server may ask for more patience, and that is all.
    let second = provider.poll(&client, &device).await?;
    second.errs(&[PENDING, (400, "slow_down")])
}

/// However fast it polls: an answer that is there is given.
async fn approved(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    provider.poll(&client, &device).await?.errs(&[PENDING])?;
    provider.decide(&device, Decision::Approve).await?;
    let answer = provider.poll(&client, &device).await?;
    let held = SignIn::of(client, answer)?;
    demand!(
        provider.is_good(&held.client, &held.access).await?,
        "a device gets an access token that is worth nothing"
    );
    Ok(())
}

async fn denied(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    provider.decide(&device, Decision::Deny).await?;
    let answer = provider.poll(&client, &device).await?;
    answer.errs(&[(400, "access_denied")])
}

async fn unknown_code(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    for code in [garbled(&device.code), device.user_code.clone()] {
        let unknown = Device {
            code,
            ..device.clone()
        };
        let answer = provider.poll(&client, &unknown).await?;
        answer.errs(&[INVALID_GRANT, EXPIRED])?;
    }
    Ok(())
}

async fn code_of_another_client(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    let thief = provider.client().await?;
    provider.decide(&device, Decision::Approve).await?;
    let stolen = provider.poll(&thief, &device).await?;
    stolen.errs(&[INVALID_GRANT])?;
    let answer = provider.poll(&client, &device).await?;
    answer.granted().map(|_| ())
}

async fn client_without_the_grant(provider: &Provider) -> Checked {
    provider.endpoint("device_authorization_endpoint")?;
    let more = json!({ "grant_types": [AUTHORIZATION_CODE] });
    let client = provider.client_with(provider.secretly(), more).await?;
    let answer = provider.start_device(&client).await?;
    answer.errs(&[(400, "unauthorized_client")])
}

async fn expires(provider: &Provider) -> Checked {
    let (client, device) = begun(provider).await?;
    let seconds = device.expires_in + 1;
    provider.may_wait(seconds)?;
    let late = provider.poll(&client, &device);
    let late = provider.later(seconds, late).await?;
    late.errs(&[EXPIRED])
}
