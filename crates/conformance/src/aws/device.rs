//! StartDeviceAuthorization, and CreateToken with a device code.

use std::collections::BTreeSet;

use futures_util::future;
use serde_json::{Value, json};

use super::{
    issued,
    server::{ACCOUNT_ACCESS, Client, Device, INVALID_GRANT, Server},
};
use crate::{
    approver::decision::Decision,
    check::{Trial, checks},
    flaw::{Checked, demand},
    http::Call,
    sent::{DEVICE_CODE, garbled, merge},
};

pub(super) const CHECKS: &[Trial<Server>] = checks![
    Quick "device.start" "WIRE 3.2" [] start;
    Quick "device.user_codes" "WIRE 3.2" ["DEV-01"] user_codes;
    Quick "device.unknown_start_url" "WIRE 3.2" ["DEV-27"] unknown_start_url;
    Quick "device.start_by_an_unknown_client" "WIRE 2.4, 3.2" ["REG-10"] start_by_an_unknown_client;
    Quick "device.page" "WIRE 3.2, 4.4" [] page;
    Quick "device.pending" "WIRE 3.3" ["DEV-06"] pending;
    Quick "device.approved" "WIRE 3.3, 3.5" ["TOK-12"] approved;
    Quick "device.denied" "WIRE 3.3, 4.4" ["DEV-10"] denied;
    Quick "device.opening_the_page_changes_nothing" "WIRE 4.4" ["DEV-20"] opening_the_page_changes_nothing;
    Quick "device.unknown_code" "WIRE 3.3" ["DEV-09"] unknown_code;
    Quick "device.code_of_another_client" "WIRE 3.3" ["DEV-05"] code_of_another_client;
    Quick "device.parallel_polls" "WIRE 3.3, 8" ["DEV-14"] parallel_polls;
    Quick "device.lost_answer" "WIRE 2.5, 8" ["DEV-15"] lost_answer;
    Quick "device.code_is_good_once" "WIRE 3.3" ["DEV-15"] code_is_good_once;
    Quick "device.scope_wider_than_approved" "WIRE 3.3" ["DEV-17"] scope_wider_than_approved;
    Quick "device.client_without_scopes" "WIRE 3.5" [] client_without_scopes;
    Slow "device.expired" "WIRE 3.3" ["DEV-08"] expired;
];

async fn begun(server: &Server) -> Checked<(Client, Device)> {
    let client = server.device_client().await?;
    let device = server.device(&client).await?;
    Ok((client, device))
}

async fn start(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let answer = server.start_device(&client, server.start_url()).await?;
    answer.granted()?;
    let members = [
        "deviceCode",
        "userCode",
        "verificationUri",
        "verificationUriComplete",
    ];
    let [_, user_code, uri, complete] = members.map(|name| answer.text(name));
    answer.text("deviceCode")?;
    let (user_code, uri, complete) = (user_code?, uri?, complete?);
    demand!(
        !uri.contains('?'),
        "`verificationUri` is {uri:?}: clients append ?user_code=, so it must hold no question mark"
    );
    demand!(
        complete.contains(&format!("?user_code={user_code}")),
        "`verificationUriComplete` is {complete:?}, without ?user_code={user_code}"
    );
    let (expires, interval) = (answer.whole("expiresIn")?, answer.whole("interval")?);
    demand!(
        (60..=3600).contains(&expires),
        "`expiresIn` is {expires} seconds"
    );
    demand!(
        (1..=30).contains(&interval),
        "`interval` is {interval} seconds: with 0 some clients poll without a pause"
    );
    Ok(())
}

async fn user_codes(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let mut codes = BTreeSet::new();
    for _ in 0..20 {
        let code = server.device(&client).await?.user_code;
        let letters = code.chars().filter(|c| *c != '-');
        let plain =
            letters.clone().count() == 8 && letters.clone().all(|c| c.is_ascii_alphanumeric());
        demand!(plain, "`userCode` is {code:?}, not eight letters or digits");
        demand!(
            codes.insert(code.clone()),
            "two devices wait with the same `userCode`"
        );
    }
    Ok(())
}

async fn unknown_start_url(server: &Server) -> Checked {
    let client = server.device_client().await?;
    for url in [
        "https://other.example/start",
        "https://user@other.example/",
        "no URL",
    ] {
        let answer = server.start_device(&client, url).await?;
        demand!(
            answer.status() == 400 && answer.exception() == Some("InvalidRequestException"),
            "{} for startUrl {url:?}, and should be 400 InvalidRequestException",
            answer.told()
        );
    }
    Ok(())
}

async fn start_by_an_unknown_client(server: &Server) -> Checked {
    let (one, other) = (server.device_client().await?, server.device_client().await?);
    let clients = [
        Client {
            secret: other.secret,
            ..one.clone()
        },
        Client {
            secret: garbled(&one.secret),
            ..one.clone()
        },
        Client {
            id: garbled(&one.id),
            ..one
        },
    ];
    for client in clients {
        let answer = server.start_device(&client, server.start_url()).await?;
        answer.refused(401, "InvalidClientException")?;
    }
    Ok(())
}

async fn page(server: &Server) -> Checked {
    let (_, device) = begun(server).await?;
    let answer = server.open(&device.address).await?;
    demand!(answer.status() < 400, "{} in a browser", answer.told());
    if answer.header("location").is_none() {
        let kind = answer.header("content-type").unwrap_or_default();
        demand!(
            kind.starts_with("text/html"),
            "{} with Content-Type {kind:?}",
            answer.told()
        );
    }
    Ok(())
}

/// Three polls at once: the AWS CLI begins with two.
async fn pending(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    for _ in 0..3 {
        let answer = server.poll(&client, &device).await?;
        answer.refused(400, "AuthorizationPendingException")?;
        let error = answer.text("error")?;
        demand!(
            error == "authorization_pending",
            "`error` is {error:?}, not \"authorization_pending\""
        );
    }
    Ok(())
}

async fn approved(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.approve(&device).await?;
    let answer = server.poll(&client, &device).await?;
    issued::tokens(&answer)?;
    answer.text("refreshToken")?;
    server
        .opens(&answer.text("accessToken")?)
        .await?
        .granted()?;
    Ok(())
}

async fn denied(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.decide(&device, Decision::Deny).await?;
    for _ in 0..2 {
        let answer = server.poll(&client, &device).await?;
        answer.refused(400, "AccessDeniedException")?;
        let error = answer.text("error")?;
        demand!(
            error == "access_denied",
            "`error` is {error:?}, not \"access_denied\""
        );
    }
    Ok(())
}

async fn opening_the_page_changes_nothing(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    for call in [Call::head(&device.address), Call::get(&device.address)] {
        server.http.send(call.header("accept", "text/html")).await?;
    }
    server
        .poll(&client, &device)
        .await?
        .refused(400, "AuthorizationPendingException")
}

async fn unknown_code(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    let cut = device.code.get(..device.code.len() - 1).unwrap_or_default();
    for code in [cut, "no-such-code", device.user_code.as_str()] {
        let grant = json!({ "grantType": DEVICE_CODE, "deviceCode": code });
        let answer = server.token(&client, grant).await?;
        answer.refused_as(&[INVALID_GRANT])?;
    }
    Ok(())
}

async fn code_of_another_client(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    let thief = server.device_client().await?;
    server
        .poll(&thief, &device)
        .await?
        .refused_as(&[INVALID_GRANT])?;
    server.approve(&device).await?;
    server
        .poll(&thief, &device)
        .await?
        .refused_as(&[INVALID_GRANT])?;
    // Its own client still redeems it.
    server.poll(&client, &device).await?.granted().map(|_| ())
}

/// However many polls redeem at once, there is one session.
async fn parallel_polls(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.approve(&device).await?;
    let polls = (0..8).map(|_| server.poll(&client, &device));
    let mut sessions = BTreeSet::new();
    for answer in future::try_join_all(polls).await? {
        if answer.status() == 200 {
            sessions.insert(answer.text("refreshToken")?);
        } else {
            answer.refused_as(&[INVALID_GRANT, (400, "SlowDownException")])?;
        }
    }
    demand!(
        sessions.len() == 1,
        "8 polls at once got {} different refresh tokens",
        sessions.len()
    );
    Ok(())
}

/// SDKs send the same poll again when its answer is lost.
async fn lost_answer(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.approve(&device).await?;
    let [first, again] = [
        server.poll(&client, &device).await?,
        server.poll(&client, &device).await?,
    ];
    first.granted()?;
    if again.status() != 200 {
        return Err(again.wrong("a poll sent again after its answer was lost must be served"));
    }
    demand!(
        first.text("refreshToken")? == again.text("refreshToken")?,
        "the same poll sent twice got two different refresh tokens"
    );
    Ok(())
}

async fn code_is_good_once(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.approve(&device).await?;
    let answer = server.poll(&client, &device).await?;
    answer.granted()?;
    server
        .refreshed(&client, &answer.text("refreshToken")?)
        .await?;
    // The client has what the code was for: nobody else is to have it.
    server
        .poll(&client, &device)
        .await?
        .refused_as(&[INVALID_GRANT])
}

async fn scope_wider_than_approved(server: &Server) -> Checked {
    let (client, device) = begun(server).await?;
    server.approve(&device).await?;
    let grant = json!({ "grantType": DEVICE_CODE, "deviceCode": device.code });
    let mut wider = grant.clone();
    merge(
        &mut wider,
        json!({ "scope": [ACCOUNT_ACCESS, "codewhisperer:completions"] }),
    );
    server
        .token(&client, wider)
        .await?
        .refused(400, "InvalidScopeException")?;
    server.token(&client, grant).await?.granted().map(|_| ())
}

/// What the AWS CLI registers for a profile without an sso-session.
async fn client_without_scopes(server: &Server) -> Checked {
    let mut body = Server::registration();
    merge(&mut body, json!({ "scopes": null }));
    let client = server.register(&body).await?;
    let device = server.device(&client).await?;
    server.approve(&device).await?;
    let answer = server.poll(&client, &device).await?;
    issued::tokens(&answer)?;
    let refresh = answer.json()?.remove("refreshToken").unwrap_or(Value::Null);
    demand!(
        refresh.is_null(),
        "a client without scopes gets a `refreshToken`"
    );
    server
        .opens(&answer.text("accessToken")?)
        .await?
        .granted()
        .map(|_| ())
}

async fn expired(server: &Server) -> Checked {
    let client = server.device_client().await?;
    let answer = server.start_device(&client, server.start_url()).await?;
    let seconds = answer.whole("expiresIn")? + 1;
    let device = Device {
        code: answer.text("deviceCode")?,
        user_code: answer.text("userCode")?,
        address: answer.text("verificationUriComplete")?,
    };
    let polled = server.later(seconds, server.poll(&client, &device)).await?;
    polled.refused(400, "ExpiredTokenException")?;
    let error = polled.text("error")?;
    demand!(
        error == "expired_token",
        "`error` is {error:?}, not \"expired_token\""
    );
    Ok(())
}
