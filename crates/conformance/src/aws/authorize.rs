//! The code grant: `/authorize`, the way back, and CreateToken with a code.

use serde_json::{Value, json};
use url::Url;

use super::{
    issued,
    server::{ACCOUNT_ACCESS, Client, INVALID_GRANT, Server},
};
use crate::{
    approver::decision::Decision,
    check::{Trial, checks},
    flaw::{Checked, demand},
    pkce,
    sent::{Query, REFRESH_TOKEN, merge, parameter, replace, without},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "authorize.code_grant" "WIRE 4.1, 4.2" ["URI-02"] code_grant;
    Quick "authorize.scope_spellings" "WIRE 4.1" [] scope_spellings;
    Quick "authorize.both_scope_parameters" "WIRE 4.1" ["AUT-22"] both_scope_parameters;
    Quick "authorize.denied" "WIRE 4.2" [] denied;
    Quick "authorize.unknown_client" "WIRE 4.1" ["URI-08"] unknown_client;
    Quick "authorize.unregistered_redirect_uri" "WIRE 4.1, 4.3" ["URI-03" "URI-06" "URI-08"] unregistered_redirect_uri;
    Quick "authorize.challenge_is_demanded" "WIRE 4.1" ["AUT-01" "AUT-02" "AUT-03"] challenge_is_demanded;
    Quick "authorize.response_type" "WIRE 4.1" ["AUT-11"] response_type;
    Quick "authorize.scope_outside_the_registration" "WIRE 4.1" [] scope_outside_the_registration;
    Quick "authorize.wrong_verifier" "WIRE 3.3" ["AUT-05"] wrong_verifier;
    Quick "authorize.verifier_is_demanded" "WIRE 3.3" ["AUT-04"] verifier_is_demanded;
    Quick "authorize.redirect_uri_is_bound_to_the_code" "WIRE 3.3, 4.3" ["URI-07"] redirect_uri_is_bound_to_the_code;
    Quick "authorize.code_of_another_client" "WIRE 3.3" ["AUT-06"] code_of_another_client;
    Quick "authorize.code_is_good_once" "WIRE 3.3" ["AUT-07"] code_is_good_once;
];

/// The query of an authorization request of a new client.
async fn asked(server: &Server) -> Checked<(Client, Query)> {
    let client = server.code_client().await?;
    let query = server.authorization(&client);
    Ok((client, query))
}

async fn code_grant(server: &Server) -> Checked {
    let (client, query) = asked(server).await?;
    let url = server.authorize_url(&query);
    let back = server.authorize(&url, Decision::Approve).await?;
    server.is_back(&back)?;
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
        let answer = server.open(&server.authorize_url(&query)).await?;
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

/// A request whose error belongs to the application: it is sent there, in words, and no code.
async fn sent_back(server: &Server, query: &Query, errors: &[&str]) -> Checked {
    let back = server
        .sent_back(&server.authorize_url(query), errors)
        .await?;
    says_why(&back)
}

fn says_why(back: &Url) -> Checked {
    demand!(
        parameter(back, "error_description").is_some_and(|words| !words.is_empty()),
        "the browser comes back without `error_description`; VS Code shows nothing then"
    );
    Ok(())
}

async fn shown(server: &Server, query: &Query, what: &str) -> Checked {
    server.shown(&server.authorize_url(query), what).await
}

async fn both_scope_parameters(server: &Server) -> Checked {
    let (_, mut query) = asked(server).await?;
    query.push(("scope", ACCOUNT_ACCESS.to_owned()));
    sent_back(server, &query, &["invalid_request"]).await
}

async fn denied(server: &Server) -> Checked {
    let (_, query) = asked(server).await?;
    let url = server.authorize_url(&query);
    let back = server.authorize(&url, Decision::Deny).await?;
    server.is_back_with(&back, &["access_denied"])?;
    says_why(&back)
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
