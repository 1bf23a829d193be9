//! The code grant: `/authorize`, the way back, and CreateToken with a code.

use serde_json::{Value, json};
use url::Url;

use super::issued;
use crate::{
    approver::decision::Decision,
    check::{Check, checks},
    flaw::{Checked, demand},
    pkce,
    server::{
        ACCOUNT_ACCESS, Client, INVALID_GRANT, REFRESH_TOKEN, STATE, Server, merge, parameter,
        replace, without,
    },
};

pub(super) const CHECKS: &[Check] = checks![
    Quick "authorize.code_grant" "4.1, 4.2" ["URI-02"] code_grant;
    Quick "authorize.scope_spellings" "4.1" [] scope_spellings;
    Quick "authorize.both_scope_parameters" "4.1" ["AUT-22"] both_scope_parameters;
    Quick "authorize.denied" "4.2" [] denied;
    Quick "authorize.unknown_client" "4.1" ["URI-08"] unknown_client;
    Quick "authorize.unregistered_redirect_uri" "4.1, 4.3" ["URI-03" "URI-06" "URI-08"] unregistered_redirect_uri;
    Quick "authorize.challenge_is_demanded" "4.1" ["AUT-01" "AUT-02" "AUT-03"] challenge_is_demanded;
    Quick "authorize.response_type" "4.1" ["AUT-11"] response_type;
    Quick "authorize.scope_outside_the_registration" "4.1" [] scope_outside_the_registration;
    Quick "authorize.wrong_verifier" "3.3" ["AUT-05"] wrong_verifier;
    Quick "authorize.verifier_is_demanded" "3.3" ["AUT-04"] verifier_is_demanded;
    Quick "authorize.redirect_uri_is_bound_to_the_code" "3.3, 4.3" ["URI-07"] redirect_uri_is_bound_to_the_code;
    Quick "authorize.code_of_another_client" "3.3" ["AUT-06"] code_of_another_client;
    Quick "authorize.code_is_good_once" "3.3" ["AUT-07"] code_is_good_once;
];

/// The query of an authorization request of a new client.
async fn asked(server: &Server) -> Checked<(Client, Vec<(&'static str, String)>)> {
    let client = server.code_client().await?;
    let query = server.authorization(&client);
    Ok((client, query))
}

/// The browser must be back at the application with its own state.
fn is_back(server: &Server, back: &Url) -> Checked {
    let at = back.as_str().split('?').next().unwrap_or_default();
    demand!(
        at == server.redirect_uri(),
        "the browser is sent to {at}, not to the redirect URI"
    );
    let state = parameter(back, "state").unwrap_or_default();
    demand!(
        state == STATE,
        "`state` came back as {state:?}, not as {STATE:?}"
    );
    Ok(())
}

async fn code_grant(server: &Server) -> Checked {
    let (client, query) = asked(server).await?;
    let back = server.authorize(&query, Decision::Approve).await?;
    is_back(server, &back)?;
    let code = parameter(&back, "code").unwrap_or_default();
    let is_plain = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    demand!(
        is_plain && !code.is_empty(),
        "`code` is empty or holds more than letters, digits, - and _; some clients do not decode it"
    );
    let answer = server.redeem(&client, &code, json!({})).await?;
    issued::tokens(&answer)?;
    server
        .refreshed(&client, &answer.text("refreshToken")?)
        .await?;
    server
        .opens(&answer.text("accessToken")?)
        .await?
        .granted()
        .map(|_| ())
}

/// Comma or space, plural or singular: whatever official clients write.
async fn scope_spellings(server: &Server) -> Checked {
    let more = "codewhisperer:completions";
    let mut body = server.code_registration();
    merge(&mut body, json!({ "scopes": [ACCOUNT_ACCESS, more] }));
    let client = server.register(&body).await?;
    let query = without(server.authorization(&client), "scopes");
    for (name, joint) in [("scopes", " "), ("scopes", ","), ("scope", " ")] {
        let mut query = query.clone();
        query.push((name, format!("{ACCOUNT_ACCESS}{joint}{more}")));
        let answer = server.open(&query).await?;
        let is_error = answer
            .header("location")
            .is_some_and(|back| back.contains("error="));
        demand!(
            answer.status() < 400 && !is_error,
            "{} for {name} joined by {joint:?}",
            answer.told()
        );
    }
    Ok(())
}

/// A request whose error belongs to the application: it is sent there, and no code.
async fn sent_back(server: &Server, query: &[(&'static str, String)], errors: &[&str]) -> Checked {
    let answer = server.open(query).await?;
    let back = answer
        .header("location")
        .and_then(|back| back.parse::<Url>().ok());
    let Some(back) = back.filter(|back| !server.http.is_own(back)) else {
        let wanted = errors.join(" or ");
        return Err(answer.wrong(format!("the application should hear of it: error={wanted}")));
    };
    is_back(server, &back)?;
    let error = parameter(&back, "error").unwrap_or_default();
    demand!(
        errors.contains(&error.as_str()),
        "the browser comes back with error={error:?}, not {errors:?}"
    );
    demand!(
        parameter(&back, "error_description").is_some_and(|words| !words.is_empty()),
        "the browser comes back without `error_description`; VS Code shows nothing then"
    );
    demand!(
        parameter(&back, "code").is_none(),
        "the browser comes back with an error and a code"
    );
    Ok(())
}

/// A request that may be anybody's trap: it ends at a page, and nothing leads away.
async fn shown(server: &Server, query: &[(&'static str, String)], what: &str) -> Checked {
    let answer = server.open(query).await?;
    demand!(
        (400..500).contains(&answer.status()) && answer.header("location").is_none(),
        "{} for {what}: it should show an error page and lead nowhere",
        answer.told()
    );
    Ok(())
}

async fn both_scope_parameters(server: &Server) -> Checked {
    let (_, mut query) = asked(server).await?;
    query.push(("scope", ACCOUNT_ACCESS.to_owned()));
    sent_back(server, &query, &["invalid_request"]).await
}

async fn denied(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    let back = server.authorize(&query, Decision::Deny).await?;
    is_back(server, &back)?;
    let error = parameter(&back, "error").unwrap_or_default();
    demand!(
        error == "access_denied",
        "the browser comes back with error={error:?}, not access_denied"
    );
    demand!(
        parameter(&back, "code").is_none(),
        "the browser comes back with a code all the same"
    );
    demand!(
        parameter(&back, "error_description").is_some_and(|words| !words.is_empty()),
        "the browser comes back without `error_description`; VS Code shows nothing then"
    );
    Ok(())
}

async fn unknown_client(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    shown(
        server,
        &replace(query.clone(), "client_id", "no-such-client"),
        "an unknown client",
    )
    .await?;
    shown(server, &without(query, "client_id"), "no client").await
}

async fn unregistered_redirect_uri(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    let uris = [
        "http://127.0.0.1:49152/elsewhere",
        "http://127.0.0.1:49152/oauth/callback?more=1",
        "https://127.0.0.1:49152/oauth/callback",
        "http://127.0.0.2:49152/oauth/callback",
        "http://evil.example/oauth/callback",
        "http://127.0.0.1@evil.example/oauth/callback",
        "",
    ];
    for uri in uris {
        let what = format!("the redirect URI {uri:?}, which is not registered");
        shown(server, &replace(query.clone(), "redirect_uri", uri), &what).await?;
    }
    shown(server, &without(query, "redirect_uri"), "no redirect URI").await
}

async fn challenge_is_demanded(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    let queries = [
        without(query.clone(), "code_challenge"),
        without(query.clone(), "code_challenge_method"),
        replace(query.clone(), "code_challenge_method", "plain"),
        replace(query, "code_challenge", "too-short"),
    ];
    for query in queries {
        sent_back(server, &query, &["invalid_request"]).await?;
    }
    Ok(())
}

async fn response_type(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    for kind in ["token", "code token", "id_token"] {
        let query = replace(query.clone(), "response_type", kind);
        sent_back(server, &query, &["unsupported_response_type"]).await?;
    }
    Ok(())
}

async fn scope_outside_the_registration(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    let wider = format!("{ACCOUNT_ACCESS} codewhisperer:completions");
    sent_back(
        server,
        &replace(query, "scopes", &wider),
        &["invalid_scope"],
    )
    .await
}

/// A refusal that leaves the code to its owner.
async fn refused_and_still_good(
    server: &Server,
    more: &[Value],
    refusal: (u16, &'static str),
) -> Checked {
    let client = server.code_client().await?;
    let code = server.code(&client).await?;
    for more in more {
        server
            .redeem(&client, &code, more.clone())
            .await?
            .refused_as(&[refusal])?;
    }
    server
        .redeem(&client, &code, json!({}))
        .await?
        .granted()
        .map(|_| ())
}

async fn wrong_verifier(server: &Server) -> Checked {
    let wrong = [json!({ "codeVerifier": pkce::OTHER_VERIFIER })];
    refused_and_still_good(server, &wrong, INVALID_GRANT).await
}

async fn verifier_is_demanded(server: &Server) -> Checked {
    let missing = [
        json!({ "codeVerifier": null }),
        json!({ "codeVerifier": "" }),
        json!({ "codeVerifier": "too-short" }),
    ];
    refused_and_still_good(server, &missing, (400, "InvalidRequestException")).await
}

async fn redirect_uri_is_bound_to_the_code(server: &Server) -> Checked {
    let other = [json!({ "redirectUri": "http://127.0.0.1:1/oauth/callback" })];
    refused_and_still_good(server, &other, INVALID_GRANT).await
}

async fn code_of_another_client(server: &Server) -> Checked {
    let (client, thief) = (server.code_client().await?, server.code_client().await?);
    let code = server.code(&client).await?;
    server
        .redeem(&thief, &code, json!({}))
        .await?
        .refused_as(&[INVALID_GRANT])?;
    server
        .redeem(&client, &code, json!({}))
        .await?
        .granted()
        .map(|_| ())
}

async fn code_is_good_once(server: &Server) -> Checked {
    let client = server.code_client().await?;
    let code = server.code(&client).await?;
    let answer = server.redeem(&client, &code, json!({})).await?;
    answer.granted()?;
    let again = server.redeem(&client, &code, json!({})).await?;
    again.refused_as(&[INVALID_GRANT])?;
    // Somebody else has the code: what came of it must end (RFC 6749, 4.1.2).
    let grant = json!({ "grantType": REFRESH_TOKEN, "refreshToken": answer.text("refreshToken")? });
    let refreshed = server.token(&client, grant).await?;
    demand!(
        refreshed.status() != 200,
        "{}: the session goes on although its code was used twice",
        refreshed.told()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_survives_a_url() {
        let url = Url::parse_with_params("http://127.0.0.1/", [("state", STATE)]).expect("a URL");
        assert_eq!(parameter(&url, "state").as_deref(), Some(STATE));
    }
}
