//! The start URL, the device page and `/authorize`, as a browser without a session sees them.

use url::Url;

use super::{
    Call,
    mutation::Mutation,
    oidc::is_registered,
    reply::{Answered, Reply},
    state::{Client, Code, Progress, State},
};

/// What the start URL says that the instance is.
pub(super) const ALIAS: &str = "https://identitycenter.amazonaws.com/ssoins-0123456789abcdef";

pub(super) fn respond(state: &mut State, call: &Call) -> Reply {
    match (call.method.as_str(), call.path.as_str()) {
        ("HEAD", "/start" | "/start/") if !state.is(Mutation::HeadOfStartUrlIs200) => {
            let own = format!("{}/portal", state.url);
            let names_own = state.is(Mutation::HeadNamesOwnHost);
            Reply::redirect(if names_own { &own } else { ALIAS })
        }
        (_, "/authorize") => match requested(state, call) {
            Ok(_) => Reply::html(200, "Allow it?"),
            Err(refusal) => refusal,
        },
        (_, "/device") => {
            if state.is(Mutation::DevicePageMissing) {
                return Reply::html(404, "Not found");
            }
            if state.is(Mutation::PageApproves) {
                let code = call.parameter("user_code").unwrap_or_default();
                let shown = state
                    .devices
                    .values_mut()
                    .filter(|device| device.user_code == code);
                shown.for_each(|device| device.progress = Progress::Approved);
            }
            Reply::html(200, "Approve a device")
        }
        _ => Reply::html(200, "Accounts"),
    }
}

/// An authorization request that a person may decide about.
pub(super) struct Requested {
    client: Client,
    redirect_uri: String,
    state: Option<String>,
    challenge: Option<String>,
}

/// Where a browser is sent.
fn back(redirect_uri: &str, pairs: &[(&str, &str)], state: Option<&str>) -> String {
    let mut url: Url = redirect_uri.parse().expect("a redirect URI");
    url.query_pairs_mut().extend_pairs(pairs);
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    url.to_string()
}

pub(super) fn requested(state: &State, call: &Call) -> Answered<Requested> {
    let redirect_uri = call
        .parameter("redirect_uri")
        .unwrap_or_default()
        .to_owned();
    let known = state
        .clients
        .get(call.parameter("client_id").unwrap_or_default());
    let page = || Reply::html(400, "That is no good request");
    let Some(client) = known.cloned() else {
        if state.is(Mutation::UnknownClientSentBack) {
            return Err(Reply::redirect(&back(
                &redirect_uri,
                &[("error", "unauthorized_client")],
                None,
            )));
        }
        return Err(page());
    };
    if !is_registered(state, &client, &redirect_uri) {
        if state.is(Mutation::OpenRedirector) && redirect_uri.parse::<Url>().is_ok() {
            return Err(Reply::redirect(&back(
                &redirect_uri,
                &[("error", "invalid_request")],
                None,
            )));
        }
        return Err(page());
    }
    let own = call.parameter("state");
    let refused = |error: &str| {
        let pairs = [("error", error), ("error_description", "That is refused")];
        Err(Reply::redirect(&back(&redirect_uri, &pairs, own)))
    };
    let (scope, scopes) = (call.parameter("scope"), call.parameter("scopes"));
    if scope.is_some() && scopes.is_some() && !state.is(Mutation::BothScopesTaken) {
        return refused("invalid_request");
    }
    if call.parameter("response_type") != Some("code") && !state.is(Mutation::ImplicitGrant) {
        return refused("unsupported_response_type");
    }
    let challenge = call.parameter("code_challenge");
    let method = call.parameter("code_challenge_method");
    let is_well = challenge.is_some_and(|challenge| challenge.len() == 43)
        && method == Some("S256")
        || challenge.is_none() && state.is(Mutation::ChallengeOptional)
        || method == Some("plain") && state.is(Mutation::PlainChallenge);
    if !is_well {
        return refused("invalid_request");
    }
    let joints: &[char] = if state.is(Mutation::CommaRefused) {
        &[' ']
    } else {
        &[' ', ',']
    };
    let mut asked = scopes
        .or(scope)
        .unwrap_or_default()
        .split(joints)
        .filter(|scope| !scope.is_empty());
    let is_within = asked.all(|scope| client.scopes.iter().any(|own| own == scope));
    if !is_within && !state.is(Mutation::WiderScopeAuthorized) {
        return refused("invalid_scope");
    }
    Ok(Requested {
        client,
        redirect_uri,
        state: own.map(ToOwned::to_owned),
        challenge: challenge.map(ToOwned::to_owned),
    })
}

/// What a person decides; answers where the browser is sent.
pub(super) fn decide(state: &mut State, requested: Requested, denies: bool) -> String {
    let Requested {
        client,
        redirect_uri,
        state: own,
        challenge,
    } = requested;
    let own = own.map(|own| {
        if state.is(Mutation::StateAltered) {
            own.to_lowercase()
        } else {
            own
        }
    });
    let mut code = state.draw("code");
    if state.is(Mutation::CodeNeedsDecoding) {
        code.push('+');
    }
    let known = Code {
        client: client.id,
        redirect_uri: redirect_uri.clone(),
        challenge,
        session: None,
    };
    state.codes.insert(code.clone(), known);
    let mut pairs = vec![("code", code.as_str())];
    if denies {
        let with_code = state.is(Mutation::DeniedGivesCode);
        pairs.retain(|_| with_code);
        pairs.push(("error", "access_denied"));
        if !state.is(Mutation::DeniedWithoutDescription) {
            pairs.push(("error_description", "It was denied"));
        }
    }
    back(&redirect_uri, &pairs, own.as_deref())
}
