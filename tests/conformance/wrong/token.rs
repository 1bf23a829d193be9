//! CreateToken.

use claviger_tests::pkce::challenge;
use serde_json::{Value, json};

use super::{
    mutation::Mutation,
    oidc::{Body, DEVICE_CODE, GRANTS, authenticate, invalid_grant, invalid_request, text},
    reply::{Answered, Reply},
    state::{Client, GRACE, Progress, State, texts},
};

pub(super) fn create_token(state: &mut State, body: &Body) -> Answered {
    let grant = text(body, "grantType")?;
    let client = authenticate(state, body)?;
    if !GRANTS.contains(&grant.as_str()) {
        if state.is(Mutation::UnknownGrantIsInvalidRequest) {
            return Err(invalid_request());
        }
        return Err(Reply::refuse("UnsupportedGrantTypeException", 400));
    }
    if !client.grants.contains(&grant) {
        if state.is(Mutation::UnlistedGrantIsInvalidGrant) {
            return Err(invalid_grant());
        }
        return Err(Reply::refuse("UnauthorizedClientException", 400));
    }
    let missing = |refusal: Reply| {
        if state.is(Mutation::MissingMemberIsInvalidGrant) {
            invalid_grant()
        } else {
            refusal
        }
    };
    let is_device = grant == DEVICE_CODE;
    if is_device && body.contains_key("code") && state.is(Mutation::ForeignMemberRefused) {
        return Err(invalid_request());
    }
    let name = match grant.as_str() {
        DEVICE_CODE => "deviceCode",
        "refresh_token" => "refreshToken",
        _ => "code",
    };
    let held = text(body, name).map_err(missing)?;
    let scopes = texts(body, "scope");
    let is_wider = scopes.iter().any(|scope| !client.scopes.contains(scope));
    let taken = if is_device {
        Mutation::WiderScopeServed
    } else {
        Mutation::WiderScopeOnRefresh
    };
    if is_wider && !state.is(taken) {
        return Err(Reply::refuse("InvalidScopeException", 400));
    }
    match name {
        "deviceCode" => by_device(state, &client, &held),
        "refreshToken" => by_refresh(state, &client, &held),
        _ => by_code(state, &client, &held, body),
    }
}

/// Tokens of a session.
fn tokens(state: &mut State, session: usize, with_refresh: bool) -> Reply {
    let access = state.new_access(session);
    let refresh = state.sessions[session]
        .refresh
        .last()
        .cloned()
        .filter(|_| with_refresh);
    let seconds = match state.sessions[session].scopes.is_empty() {
        _ if state.is(Mutation::LifetimeTooShort) => 900,
        true => 28_800,
        false => 3600,
    };
    let expires = match () {
        () if state.is(Mutation::NumbersAsStrings) => json!(seconds.to_string()),
        () if state.is(Mutation::LifetimeAsFloat) => json!(f64::from(seconds)),
        () => json!(seconds),
    };
    let refresh = refresh.filter(|_| !state.is(Mutation::NoRefreshToken));
    Reply::json(&json!({
        "accessToken": access,
        "tokenType": "Bearer",
        "expiresIn": expires,
        "refreshToken": refresh,
        "idToken": null,
    }))
}

fn by_device(state: &mut State, client: &Client, code: &str) -> Answered {
    let now = state.now();
    let unknown = || {
        if state.is(Mutation::UnknownCodeIsExpired) {
            Reply::refuse("ExpiredTokenException", 400)
        } else {
            invalid_grant()
        }
    };
    let device = state.devices.get(code).cloned().ok_or_else(unknown)?;
    if device.client != client.id && !state.is(Mutation::ForeignDeviceCode) {
        return Err(invalid_grant());
    }
    if now >= device.began + 600 {
        if state.is(Mutation::ExpiredIsInvalidGrant) {
            return Err(invalid_grant());
        }
        return Err(Reply::refuse("ExpiredTokenException", 400));
    }
    let polls = device.polls + 1;
    state.devices.get_mut(code).expect("a device").polls = polls;
    match device.progress {
        Progress::Pending if polls > 1 && state.is(Mutation::SlowDownOnSecondPoll) => {
            Err(Reply::refuse("SlowDownException", 400))
        }
        Progress::Pending if state.is(Mutation::PendingIsInvalidGrant) => Err(invalid_grant()),
        Progress::Pending => {
            let pending = Reply::refuse("AuthorizationPendingException", 400);
            let own = state.is(Mutation::PendingErrorOfItsOwn);
            Err(if own {
                pending.with_error("pending")
            } else {
                pending
            })
        }
        Progress::Denied if state.is(Mutation::DeniedIsInvalidGrant) => Err(invalid_grant()),
        Progress::Denied if !state.is(Mutation::DeniedServed) => {
            Err(Reply::refuse("AccessDeniedException", 400))
        }
        Progress::Redeemed(session, at) if !state.is(Mutation::DeviceCodeRedeemedTwice) => {
            let is_refreshed = state.sessions[session].refresh.len() > 1;
            let lives_on = state.is(Mutation::DeviceCodeLivesOn);
            let is_over =
                is_refreshed || now > at + GRACE || state.is(Mutation::DeviceRetryRefused);
            if is_over && !lives_on {
                return Err(invalid_grant());
            }
            Ok(tokens(state, session, true))
        }
        Progress::Approved | Progress::Denied | Progress::Redeemed(..) => {
            let session = state.begin(client);
            state.devices.get_mut(code).expect("a device").progress =
                Progress::Redeemed(session, now);
            Ok(tokens(state, session, true))
        }
    }
}

fn by_refresh(state: &mut State, client: &Client, token: &str) -> Answered {
    let words = if state.is(Mutation::RefusalInOtherWords) {
        "No"
    } else {
        "Invalid refresh token provided"
    };
    let refused = || Reply::refuse_saying("InvalidGrantException", 400, words);
    let now = state.now();
    let holds = |tokens: &[String]| tokens.iter().any(|own| own == token);
    let found = state.sessions.iter().position(|session| {
        holds(&session.refresh)
            || state.is(Mutation::AccessTokenRefreshes) && holds(&session.access)
    });
    if state.is(Mutation::GarbledTokenEndsSession) && found.is_none() {
        let half = token.get(..token.len() / 2).unwrap_or_default().to_owned();
        let near = state
            .sessions
            .iter()
            .position(|session| session.refresh.iter().any(|own| own.starts_with(&half)));
        if let Some(session) = near {
            state.end(session);
        }
    }
    let number = found.ok_or_else(refused)?;
    let session = &state.sessions[number];
    let is_foreign = session.client != client.id && !state.is(Mutation::ForeignRefreshToken);
    if is_foreign || session.refresh_is_dead {
        return Err(refused());
    }
    let is_current = session.refresh.last().is_some_and(|own| own == token);
    let is_late = now > session.rotated + GRACE;
    if is_current
        || state.is(Mutation::RacingRefreshForks)
        || state.is(Mutation::AccessTokenRefreshes)
    {
        let fresh = state.draw("refresh");
        state.sessions[number].refresh.push(fresh);
        state.sessions[number].rotated = now;
    } else if state.is(Mutation::RetryRefused) && !is_late {
        return Err(refused());
    } else if is_late && !state.is(Mutation::ReuseUnnoticed)
        || state.is(Mutation::RacingRefreshRevokes)
    {
        if !state.is(Mutation::ReuseKeepsSession) {
            state.end(number);
        }
        return Err(refused());
    }
    let with_refresh = !state.is(Mutation::NoRefreshTokenOnRefresh);
    Ok(tokens(state, number, with_refresh))
}

fn by_code(state: &mut State, client: &Client, code: &str, body: &Body) -> Answered {
    let known = state.codes.get(code).cloned().ok_or_else(invalid_grant)?;
    let redirect_uri = text(body, "redirectUri")?;
    let verifier = body.get("codeVerifier").and_then(Value::as_str);
    let is_well = |verifier: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_allowed)
    };
    let may_be_absent = known.challenge.is_none() || state.is(Mutation::VerifierOptional);
    if !verifier.map_or(may_be_absent, is_well) {
        return Err(invalid_request());
    }
    let is_right =
        verifier.is_none_or(|verifier| known.challenge.as_deref() == Some(&challenge(verifier)));
    if !is_right && !state.is(Mutation::VerifierUnchecked) {
        if state.is(Mutation::WrongVerifierBurnsCode) {
            state.codes.remove(code);
        }
        return Err(invalid_grant());
    }
    if known.client != client.id && !state.is(Mutation::ForeignCode)
        || known.redirect_uri != redirect_uri && !state.is(Mutation::RedirectUnbound)
    {
        return Err(invalid_grant());
    }
    if let Some(session) = known
        .session
        .filter(|_| !state.is(Mutation::CodeRedeemedTwice))
    {
        if !state.is(Mutation::CodeReplayKeepsSession) {
            state.end(session);
        }
        return Err(invalid_grant());
    }
    let session = state.begin(client);
    state.codes.get_mut(code).expect("a code").session = Some(session);
    Ok(tokens(state, session, true))
}
