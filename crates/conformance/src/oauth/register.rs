//! The registration endpoint.

use serde_json::{Map, Value, json};

use super::{client::Shown, provider::Provider};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, demand},
    sent::{AUTHORIZATION_CODE, merge},
};

pub(super) const CHECKS: &[Trial<Provider>] = checks![
    Quick "register.answer" "RFC 7591 §3.2.1" [] answer;
    Quick "register.defaults" "RFC 7591 §2" [] defaults;
    Quick "register.none_has_no_secret" "RFC 7591 §2" [] none_has_no_secret;
    Quick "register.redirect_uris" "RFC 7591 §3.2.2" ["REG-05" "URI-04"] redirect_uris;
    Quick "register.code_grant_needs_a_redirect_uri" "RFC 7591 §2" [] code_grant_needs_a_redirect_uri;
    Quick "register.unknown_grant_type" "RFC 7591 §2" ["REG-06"] unknown_grant_type;
    Quick "register.unknown_scope" "RFC 7591 §2" ["REG-07"] unknown_scope;
    Quick "register.unknown_method" "RFC 7591 §2" ["REG-02"] unknown_method;
];

async fn registered(provider: &Provider, body: &Value) -> Checked<Answer> {
    let answer = provider.register(body).await?;
    demand!(
        answer.status() == 201,
        "{}, and should answer 201",
        answer.told()
    );
    Ok(answer)
}

async fn answer(provider: &Provider) -> Checked {
    let body = provider.registration(provider.secretly());
    let one = registered(provider, &body).await?;
    let other = registered(provider, &body).await?;
    demand!(
        one.text("client_id")? != other.text("client_id")?,
        "two equal registrations got the same `client_id`"
    );
    let told = one.json()?;
    if told.contains_key("client_id_issued_at") {
        let (issued, date) = (one.whole("client_id_issued_at")?, one.date()?);
        demand!(
            (issued - date).abs() <= 60,
            "`client_id_issued_at` is {issued}, which is not the time of the answer ({date}) in seconds"
        );
    }
    if told.contains_key("client_secret") {
        let (expires, date) = (one.whole("client_secret_expires_at")?, one.date()?);
        demand!(
            expires == 0 || expires > date,
            "`client_secret_expires_at` is {expires}, which is over already"
        );
    }
    demand!(
        told.get("redirect_uris") == body.get("redirect_uris"),
        "`redirect_uris` are not told as they were registered"
    );
    for name in ["grant_types", "token_endpoint_auth_method"] {
        demand!(
            told.contains_key(name),
            "`{name}` was registered and is not told"
        );
    }
    Ok(())
}

async fn defaults(provider: &Provider) -> Checked {
    let body = json!({ "redirect_uris": [provider.redirect_uri()] });
    let answer = registered(provider, &body).await?;
    let told = answer.json()?;
    for (name, default) in [
        ("grant_types", json!([AUTHORIZATION_CODE])),
        ("response_types", json!(["code"])),
        ("token_endpoint_auth_method", json!(Shown::Basic.method())),
    ] {
        let own = told.get(name).unwrap_or(&default);
        demand!(
            *own == default,
            "`{name}` is {own} where a client says nothing, not {default}"
        );
    }
    answer.text("client_secret").map(|_| ())
}

async fn none_has_no_secret(provider: &Provider) -> Checked {
    provider.public_client().await?;
    let answer = registered(provider, &provider.registration(Shown::None)).await?;
    let told = answer.json()?;
    for name in ["client_secret", "client_secret_expires_at"] {
        demand!(
            !told.contains_key(name),
            "a client that keeps no secret gets a `{name}`"
        );
    }
    Ok(())
}

async fn redirect_uris(provider: &Provider) -> Checked {
    let uris = [
        "http://app.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://user@127.0.0.1/callback",
        "http://127.0.0.1/callback#fragment",
        "http://127.1/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "/callback",
    ];
    for uri in uris {
        let mut body = provider.registration(provider.secretly());
        merge(&mut body, json!({ "redirect_uris": [uri] }));
        let answer = provider.register(&body).await?;
        let error = answer.text("error").unwrap_or_default();
        demand!(
            answer.status() == 400 && error == "invalid_redirect_uri",
            "{} for redirect URI {uri:?}, and should be 400 invalid_redirect_uri",
            answer.told()
        );
    }
    Ok(())
}

async fn code_grant_needs_a_redirect_uri(provider: &Provider) -> Checked {
    let mut body = provider.registration(provider.secretly());
    merge(
        &mut body,
        json!({ "grant_types": [AUTHORIZATION_CODE], "redirect_uris": [] }),
    );
    let answer = provider.register(&body).await?;
    answer.errs(&[
        (400, "invalid_redirect_uri"),
        (400, "invalid_client_metadata"),
    ])
}

/// What a server does not know it refuses, or it registers something else and tells so (RFC 7591 §2).
async fn not_registered(
    provider: &Provider,
    more: Value,
    is_registered: impl Fn(&Map<String, Value>) -> bool,
) -> Checked {
    let mut body = provider.registration(provider.secretly());
    merge(&mut body, more);
    let answer = provider.register(&body).await?;
    if answer.status() != 201 {
        return answer.errs(&[(400, "invalid_client_metadata")]);
    }
    if is_registered(&answer.json()?) {
        return Err(answer.wrong("what nobody may have was registered"));
    }
    Ok(())
}

async fn unknown_grant_type(provider: &Provider) -> Checked {
    for grant in ["password", "implicit", "urn:example:no-such-grant"] {
        let more = json!({ "grant_types": [AUTHORIZATION_CODE, grant] });
        let has = |told: &Map<String, Value>| {
            let grants = told.get("grant_types").and_then(Value::as_array);
            grants.is_none_or(|grants| grants.contains(&grant.into()))
        };
        not_registered(provider, more, has).await?;
    }
    Ok(())
}

async fn unknown_scope(provider: &Provider) -> Checked {
    let more = json!({ "scope": "openid no-such-scope" });
    let has = |told: &Map<String, Value>| {
        let scope = told.get("scope").and_then(Value::as_str);
        scope.is_some_and(|scope| scope.split(' ').any(|own| own == "no-such-scope"))
    };
    not_registered(provider, more, has).await
}

async fn unknown_method(provider: &Provider) -> Checked {
    let more = json!({ "token_endpoint_auth_method": "no_such_method" });
    let has = |told: &Map<String, Value>| {
        let method = told.get("token_endpoint_auth_method");
        method.is_none_or(|method| method == "no_such_method")
    };
    not_registered(provider, more, has).await
}
