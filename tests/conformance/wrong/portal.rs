//! Accounts, roles, credentials, logout.

use serde_json::{Value, json};

use super::{
    Call,
    mutation::Mutation,
    reply::{Answered, Reply},
    state::{ACCOUNT_ACCESS, State},
};

const ACCOUNTS: [(&str, &str); 3] = [
    ("111122223333", "Sandbox"),
    ("444455556666", "Production"),
    ("777788889999", "Archive"),
];
const ROLES: [&str; 2] = ["Developer", "ReadOnly"];

fn unauthorized() -> Reply {
    Reply::refuse("UnauthorizedException", 401)
}

fn invalid_request() -> Reply {
    Reply::refuse("InvalidRequestException", 400)
}

pub(super) fn respond(state: &mut State, call: &Call) -> Reply {
    let answered = session(state, call).and_then(|session| match call.path.as_str() {
        "/assignment/accounts" => accounts(state, call),
        "/assignment/roles" => roles(state, call),
        "/federation/credentials" => credentials(state, call),
        _ => Ok(log_out(state, session)),
    });
    answered.unwrap_or_else(|refusal| refusal)
}

/// The session behind the bearer.
fn session(state: &State, call: &Call) -> Answered<usize> {
    let mut bearer = call.header("x-amz-sso_bearer_token");
    if bearer.is_none() && state.is(Mutation::BearerInAuthorization) {
        bearer = call
            .header("authorization")
            .and_then(|header| header.strip_prefix("Bearer "));
    }
    let bearer = bearer.ok_or_else(|| {
        if state.is(Mutation::MissingBearerIs400) {
            invalid_request()
        } else {
            unauthorized()
        }
    })?;
    if state.is(Mutation::AnyBearer) {
        return Ok(0);
    }
    let is_it = |token: &String| {
        let length = token.len() - 1;
        let is_near = bearer.get(..length) == token.get(..length);
        token == bearer || state.is(Mutation::BearerTailUnchecked) && is_near
    };
    let found = state.sessions.iter().position(|session| {
        let opens =
            session.refresh.iter().any(is_it) && state.is(Mutation::RefreshTokenOpensPortal);
        let holds = session.access.iter().any(is_it) || opens;
        let is_for = |scope: &String| scope == ACCOUNT_ACCESS || scope == "sso-portal:*";
        let is_for_us = session.scopes.is_empty()
            || session.scopes.iter().any(is_for)
            || state.is(Mutation::ForeignScopeOpensPortal);
        holds && is_for_us && !session.access_is_dead
    });
    found.ok_or_else(unauthorized)
}

/// One page of a list, and the token of the next.
fn page(state: &State, call: &Call, items: &[Value]) -> Answered<(Vec<Value>, Option<String>)> {
    let size = call
        .parameter("max_result")
        .map_or(Ok(100), str::parse::<usize>);
    let size = size.ok().filter(|size| (1..=100).contains(size));
    let size = size.or_else(|| state.is(Mutation::PageSizeUnchecked).then_some(100));
    let mut size = size.ok_or_else(invalid_request)?;
    if state.is(Mutation::PageSizeIgnored) {
        size = 100;
    }
    let start = match call.parameter("next_token") {
        None => 0,
        Some(token) => token
            .strip_prefix("from +/=&")
            .and_then(|at| at.parse().ok())
            .ok_or_else(invalid_request)?,
    };
    let end = (start + size).min(items.len());
    let lost = usize::from(state.is(Mutation::LastPageLost));
    let next = (end + lost < items.len()).then(|| {
        let next = if state.is(Mutation::NextPageRepeated) {
            size
        } else {
            end
        };
        format!("from +/=&{next}")
    });
    Ok((items.get(start..end).unwrap_or_default().to_vec(), next))
}

fn accounts(state: &State, call: &Call) -> Answered {
    let items = ACCOUNTS.map(|(id, name)| {
        let id = if state.is(Mutation::AccountIdAsNumber) {
            json!(id.parse::<u64>().expect("a number"))
        } else {
            json!(id)
        };
        let name = if state.is(Mutation::AccountWithoutName) {
            Value::Null
        } else {
            json!(name)
        };
        json!({ "accountId": id, "accountName": name, "emailAddress": "aws@example.org" })
    });
    let (list, next) = page(state, call, &items)?;
    Ok(Reply::json(
        &json!({ "accountList": list, "nextToken": next }),
    ))
}

fn required<'a>(state: &State, call: &'a Call, name: &str) -> Answered<&'a str> {
    call.parameter(name).ok_or_else(|| {
        if state.is(Mutation::MissingParameterIs403) {
            Reply::refuse("ForbiddenException", 403)
        } else {
            invalid_request()
        }
    })
}

fn roles(state: &State, call: &Call) -> Answered {
    let account = required(state, call, "account_id")?;
    let items = ROLES.map(|role| {
        let of = if state.is(Mutation::RoleWithoutAccount) {
            Value::Null
        } else {
            json!(account)
        };
        json!({ "roleName": role, "accountId": of })
    });
    let (list, next) = page(state, call, &items)?;
    Ok(Reply::json(&json!({ "roleList": list, "nextToken": next })))
}

fn credentials(state: &State, call: &Call) -> Answered {
    let role = required(state, call, "role_name")?;
    let account = required(state, call, "account_id")?;
    let is_account = ACCOUNTS.iter().any(|(id, _)| *id == account);
    if !is_account && state.is(Mutation::UnknownAccountIs404) {
        return Err(Reply::refuse("ResourceNotFoundException", 404));
    }
    if !is_account || !ROLES.contains(&role) {
        if state.is(Mutation::UnassignedIs401) {
            return Err(unauthorized());
        }
        return Err(Reply::refuse_saying("ForbiddenException", 403, "No access"));
    }
    let end = state.now() + 3600;
    let expiration = match () {
        () if state.is(Mutation::ExpirationInSeconds) => json!(end),
        () if state.is(Mutation::ExpirationAsString) => json!((end * 1000).to_string()),
        () => json!(end * 1000),
    };
    Ok(Reply::json(&json!({ "roleCredentials": {
        "accessKeyId": "ASIAEXAMPLE",
        "secretAccessKey": "secret",
        "sessionToken": "session",
        "expiration": expiration,
    }})))
}

fn log_out(state: &mut State, session: usize) -> Reply {
    state.sessions[session].access_is_dead = !state.is(Mutation::LogoutKeepsAccessToken);
    state.sessions[session].refresh_is_dead = !state.is(Mutation::LogoutKeepsRefreshToken);
    Reply::json(&json!({}))
}
