//! CreateToken with a refresh token.

use std::collections::BTreeSet;

use futures_util::future;
use serde_json::json;

use super::{
    issued,
    server::{ACCOUNT_ACCESS, INVALID_GRANT, Server, SignIn},
};
use crate::{
    answer::Answer,
    check::{Trial, checks},
    flaw::{Checked, Flaw, demand},
    sent::{REFRESH_TOKEN, garbled},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "refresh.returns_a_refresh_token_each_time" "WIRE 3.5, 8" ["REF-01" "TOK-12"] returns_a_refresh_token_each_time;
    Quick "refresh.lost_answer" "WIRE 2.5, 8" ["REF-03"] lost_answer;
    Quick "refresh.parallel_refreshes_converge" "WIRE 8" ["REF-02"] parallel_refreshes_converge;
    Quick "refresh.token_of_another_client" "WIRE 3.3" ["REF-10"] token_of_another_client;
    Quick "refresh.garbled_token" "WIRE 3.3" ["REF-12"] garbled_token;
    Quick "refresh.words_of_the_refusal" "WIRE 3.3" [] words_of_the_refusal;
    Quick "refresh.scope" "WIRE 3.3" ["REF-13"] scope;
    Quick "refresh.each_token_for_its_own_use" "WIRE 3.5" ["TOK-08"] each_token_for_its_own_use;
    Slow "refresh.stolen_token_ends_the_session" "WIRE 8" ["REF-04" "REF-07"] stolen_token_ends_the_session;
];

/// Longer than any server takes an old refresh token for one whose answer was lost, in seconds.
const PAST_GRACE: i64 = 20 * 60;

async fn returns_a_refresh_token_each_time(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let mut token = refresh;
    for _ in 0..3 {
        let answer = server.refresh(&client, &token).await?;
        issued::tokens(&answer)?;
        server
            .opens(&answer.text("accessToken")?)
            .await?
            .granted()?;
        token = answer.text("refreshToken")?;
    }
    Ok(())
}

async fn lost_answer(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let first = server.refreshed(&client, &refresh).await?;
    let again = server.refreshed(&client, &refresh).await?;
    demand!(
        first == again,
        "the same refresh sent twice got two different refresh tokens"
    );
    server.refreshed(&client, &again).await.map(|_| ())
}

async fn parallel_refreshes_converge(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let calls = (0..10).map(|_| server.refreshed(&client, &refresh));
    let tokens: BTreeSet<String> = future::try_join_all(calls).await?.into_iter().collect();
    demand!(
        tokens.len() == 1,
        "10 refreshes at once got {} different refresh tokens: processes that share a token file part ways",
        tokens.len()
    );
    for token in tokens {
        server.refreshed(&client, &token).await?;
    }
    Ok(())
}

/// Refused, in exactly the words that clients look for.
fn refused(answer: &Answer) -> Checked {
    answer.refused_as(&[INVALID_GRANT])?;
    let words = answer.text("error_description")?;
    demand!(
        words == "Invalid refresh token provided",
        "`error_description` is {words:?}; clients look for exactly \"Invalid refresh token provided\""
    );
    Ok(())
}

async fn token_of_another_client(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let thief = server.device_client().await?;
    server
        .refresh(&thief, &refresh)
        .await?
        .refused_as(&[INVALID_GRANT])?;
    server.refreshed(&client, &refresh).await.map(|_| ())
}

async fn garbled_token(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let length = refresh.len();
    let part = |end: usize| refresh.get(..end).unwrap_or_default().to_owned();
    let all = [
        part(length - 1),
        part(length / 2),
        format!("{refresh}A"),
        format!("{refresh}="),
        garbled(&refresh),
    ];
    for token in all {
        server
            .refresh(&client, &token)
            .await?
            .refused_as(&[INVALID_GRANT])?;
    }
    // A half-written cache file must not end the session.
    server.refreshed(&client, &refresh).await.map(|_| ())
}

async fn words_of_the_refusal(server: &Server) -> Checked {
    let client = server.device_client().await?;
    refused(&server.refresh(&client, "no-such-token").await?)
}

async fn scope(server: &Server) -> Checked {
    let SignIn {
        client, refresh, ..
    } = server.sign_in().await?;
    let grant = |scopes: &[&str]| json!({ "grantType": REFRESH_TOKEN, "refreshToken": refresh, "scope": scopes });
    let wider = server
        .token(
            &client,
            grant(&[ACCOUNT_ACCESS, "codewhisperer:completions"]),
        )
        .await?;
    wider.refused(400, "InvalidScopeException")?;
    server
        .token(&client, grant(&[ACCOUNT_ACCESS]))
        .await?
        .granted()
        .map(|_| ())
}

async fn each_token_for_its_own_use(server: &Server) -> Checked {
    let signed_in = server.signed_in().await?;
    let answer = server.opens(&signed_in.refresh).await?;
    demand!(
        answer.status() == 401,
        "{} to a refresh token, and should be 401",
        answer.told()
    );
    server
        .refresh(&signed_in.client, &signed_in.access)
        .await?
        .refused_as(&[INVALID_GRANT])
}

/// A token of three generations ago comes long after the client has moved on.
async fn stolen_token_ends_the_session(server: &Server) -> Checked {
    let SignIn {
        client,
        refresh: stolen,
        ..
    } = server.sign_in().await?;
    let mut token = stolen.clone();
    for _ in 0..3 {
        let answer = server.refresh(&client, &token).await?;
        answer.granted()?;
        let (next, access) = (answer.text("refreshToken")?, answer.text("accessToken")?);
        server.opens(&access).await?.granted()?;
        if next == token {
            return Err(Flaw::Skipped(
                "this server does not rotate refresh tokens".to_owned(),
            ));
        }
        token = next;
    }
    let both = async {
        let late = server.refresh(&client, &stolen).await?;
        Ok((late, server.refresh(&client, &token).await?))
    };
    let (late, current) = server.later(PAST_GRACE, both).await?;
    demand!(
        late.status() != 200,
        "{} to a refresh token of three generations ago",
        late.told()
    );
    refused(&late)?;
    demand!(
        current.status() != 200,
        "{} to the current token after a stolen one was used: thief or victim goes on",
        current.told()
    );
    refused(&current)
}
