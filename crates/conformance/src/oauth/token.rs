//! The token endpoint, whatever the grant: who asks, and in which form.

use serde_json::json;

use super::{
    client::{Client, Shown, form},
    provider::{INVALID_CLIENT, INVALID_GRANT, INVALID_REQUEST, Provider},
};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    http::{Call, encode},
    sent::{AUTHORIZATION_CODE, Query, garbled, without},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "token.ways_to_show_oneself" "RFC 6749 §2.3.1" [] ways_to_show_oneself;
    Quick "token.two_ways_at_once" "RFC 6749 §2.3" ["TOK-02"] two_ways_at_once;
    Quick "token.wrong_secret" "RFC 6749 §5.2" ["REG-10" "TOK-03"] wrong_secret;
    Quick "token.nobody" "RFC 6749 §3.2.1" ["REF-11" "TOK-01"] nobody;
    Quick "token.unsupported_grant_type" "RFC 6749 §5.2" ["TOK-04"] unsupported_grant_type;
    Quick "token.missing_parameters" "RFC 6749 §5.2" [] missing_parameters;
    Quick "token.repeated_parameter" "RFC 6749 §3.2" ["HTP-03"] repeated_parameter;
    Quick "token.get" "RFC 6749 §3.2" ["TOK-07"] get;
    Quick "token.parameters_in_the_address" "RFC 6749 §2.3.1" ["TOK-07"] parameters_in_the_address;
    Quick "token.headers" "RFC 6749 §5.1" ["HDR-06"] headers;
    Slow "token.access_token_expires" "RFC 6749 §5.1" ["MET-03"] access_token_expires;
];

/// A client that the server takes for itself is told that its grant is none.
async fn ways_to_show_oneself(provider: &Provider) -> Checked {
    for shown in provider.ways() {
        let client = provider.client_with(shown, json!({})).await?;
        let answer = provider.redeem(&client, "no-such-code").await?;
        answer.errs(&[INVALID_GRANT])?;
    }
    Ok(())
}

async fn two_ways_at_once(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let code = provider.code(&client).await?;
    let mut fields = provider.redemption(&code);
    fields.push(("client_id", client.id.clone()));
    fields.push(("client_secret", client.secret.clone()));
    let both = client.shown(Shown::Basic);
    let answer = provider.token(&both, fields).await?;
    answer.errs(&[INVALID_REQUEST])
}

/// Refused as no client, and told how to show itself where it has shown a header.
fn no_client(answer: &Answer, shown: Shown) -> Checked {
    if shown != Shown::Basic {
        return answer.errs(&[INVALID_CLIENT, (400, "invalid_client")]);
    }
    answer.errs(&[INVALID_CLIENT])?;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    if !challenge.to_ascii_lowercase().starts_with("basic") {
        return Err(answer.wrong(format!(
            "WWW-Authenticate is {challenge:?}, and should be a challenge of Basic"
        )));
    }
    Ok(())
}

async fn wrong_secret(provider: &Provider) -> Checked {
    let (client, other) = (provider.client().await?, provider.client().await?);
    let code = provider.code(&client).await?;
    let cut = client.secret.get(..client.secret.len() - 1);
    let thieves = [
        client.with_secret(&other.secret),
        client.with_secret(&garbled(&client.secret)),
        client.with_secret(cut.unwrap_or_default()),
        client.with_secret(&format!("{}A", client.secret)),
        Client {
            id: "no-such-client".to_owned(),
            ..client.clone()
        },
    ];
    let mut ways = provider.ways();
    ways.retain(|shown| *shown != Shown::None);
    for thief in thieves {
        for shown in &ways {
            let answer = provider.redeem(&thief.shown(*shown), &code).await?;
            no_client(&answer, *shown)?;
        }
    }
    // Nobody has spent it.
    provider.redeem(&client, &code).await?.granted().map(|_| ())
}

async fn nobody(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let code = provider.code(&client).await?;
    let call = Call::post(provider.endpoint("token_endpoint")?);
    let fields = provider.redemption(&code);
    let answer = provider.http.send(form(call, &fields)).await?;
    answer.errs(&[INVALID_CLIENT, (400, "invalid_client"), INVALID_REQUEST])?;
    // Its name is no secret.
    let thief = client.shown(Shown::None);
    no_client(&provider.redeem(&thief, &code).await?, Shown::None)
}

async fn unsupported_grant_type(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    for grant in ["urn:example:no-such-grant", "Authorization_Code"] {
        let answer = provider
            .token(&client, vec![("grant_type", grant.to_owned())])
            .await?;
        answer.errs(&[(400, "unsupported_grant_type")])?;
    }
    Ok(())
}

async fn missing_parameters(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    let whole = provider.redemption("no-such-code");
    let mut requests = vec![without(whole, "grant_type")];
    requests.extend(
        provider
            .grants()
            .map(|grant| vec![("grant_type", grant.to_owned())]),
    );
    for fields in requests {
        let answer = provider.token(&client, fields).await?;
        answer.errs(&[INVALID_REQUEST])?;
    }
    Ok(())
}

async fn repeated_parameter(provider: &Provider) -> Checked {
    let client = provider.client().await?;
    for (name, value) in [
        ("grant_type", AUTHORIZATION_CODE),
        ("code", "no-such-code"),
        ("code", "another"),
    ] {
        let mut fields = provider.redemption("no-such-code");
        fields.push((name, value.to_owned()));
        let answer = provider.token(&client, fields).await?;
        answer.errs(&[INVALID_REQUEST])?;
    }
    Ok(())
}

/// A client that shows itself in its fields, and a code of its own.
async fn redeeming(provider: &Provider) -> Checked<Query> {
    let client = provider.public_client().await?;
    let code = provider.code(&client).await?;
    let mut fields = provider.redemption(&code);
    fields.push(("client_id", client.id));
    Ok(fields)
}

fn refused(answer: &Answer) -> Checked {
    demand!(
        (400..500).contains(&answer.status()),
        "{}, and should refuse",
        answer.told()
    );
    Ok(())
}

fn address(provider: &Provider, fields: &Query) -> Checked<String> {
    let pairs = fields.iter().map(|(name, value)| (*name, value.as_str()));
    let endpoint = provider.endpoint("token_endpoint")?;
    Ok(format!("{endpoint}?{}", encode(pairs)))
}

async fn get(provider: &Provider) -> Checked {
    let fields = redeeming(provider).await?;
    let call = Call::get(address(provider, &fields)?);
    refused(&provider.http.send(call).await?)
}

async fn parameters_in_the_address(provider: &Provider) -> Checked {
    let fields = redeeming(provider).await?;
    let call = Call::post(address(provider, &fields)?).form([]);
    refused(&provider.http.send(call).await?)
}

async fn headers(provider: &Provider) -> Checked {
    let signed_in = provider.signed_in().await?;
    let refused = provider.redeem(&signed_in.client, "no-such-code").await?;
    let cache = signed_in.answer.header("cache-control").unwrap_or_default();
    let is_kept = !cache.to_ascii_lowercase().contains("no-store");
    if is_kept {
        let because = format!("Cache-Control is {cache:?}: tokens would be kept on the way");
        return Err(signed_in.answer.wrong(because));
    }
    for answer in [&signed_in.answer, &refused] {
        answer.json()?;
        let sniffed = answer.header("x-content-type-options");
        if sniffed != Some("nosniff") {
            return Err(answer.wrong("X-Content-Type-Options is not nosniff"));
        }
        if answer.header("set-cookie").is_some() {
            return Err(answer.wrong("it sets a cookie"));
        }
    }
    Ok(())
}

async fn access_token_expires(provider: &Provider) -> Checked {
    let signed_in = provider.sign_in().await?;
    let seconds = signed_in.answer.whole("expires_in")? + 1;
    provider.may_wait(seconds)?;
    let look = provider.is_good(&signed_in.client, &signed_in.access);
    if provider.later(seconds, look).await? {
        return Err(Flaw::Wrong(format!(
            "an access token is good for more than the {} seconds of its `expires_in`",
            seconds - 1
        )));
    }
    Ok(())
}
