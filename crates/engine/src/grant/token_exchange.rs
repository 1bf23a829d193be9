//! The token-exchange grant (RFC 8693): an access token for one that can do less. The new session is a
//! child of the old one, which it dies with.

use claviger_model::{
    directory::User,
    scope::ScopeSet,
    session::{Parent, Session, SessionOrigin},
};
use claviger_store::{repository::session as sessions, statement::Plan};

use super::{
    request::{Issued, TokenRequest},
    step::Step,
};
use crate::{
    bearer, claims,
    client::register::check_policy,
    error::{Error, Kind, Refusal},
    issued::TokenType,
    session::{self, Beginning},
};

pub(crate) async fn redeem(step: &Step<'_>, request: &TokenRequest) -> Result<Issued, Error> {
    let text = request.subject_token.as_ref().ok_or_else(|| {
        Kind::InvalidRequest
            .because("subjectToken is missing. Send an access token of this application.")
    })?;
    if request.subject_token_type.as_deref() != Some(TokenType::Access.as_str()) {
        return Err(Kind::InvalidRequest
            .because(
                "subjectTokenType must be urn:ietf:params:oauth:token-type:access_token: no other \
                 token can be exchanged.",
            )
            .into());
    }
    let wanted = request.requested_token_type.as_deref();
    let wanted = wanted.map_or(Some(TokenType::Access), TokenType::parse);
    let wanted = wanted.ok_or_else(|| {
        Kind::InvalidRequest.because(
            "requestedTokenType must be urn:ietf:params:oauth:token-type:access_token or \
             urn:ietf:params:oauth:token-type:refresh_token.",
        )
    })?;
    let found = bearer::believe(step.context, text, step.now).await?;
    let own = found.filter(|bearer| bearer.claims.client == step.client.reference);
    let bearer = own.ok_or_else(invalid)?;
    let held = bearer.scopes();
    let parent = bearer.session;
    if parent.parent.is_some() {
        return Err(Kind::InvalidGrant
            .because("This token was exchanged already. Exchange the one that it came from.")
            .into());
    }
    let held = held.with_limits_of(&parent.scopes);
    let scopes = held.narrow(step.scopes).map_err(|_| {
        Kind::InvalidScope
            .because("A scope is asked for that the token does not have. Ask for less.")
    })?;
    check_policy(step.context, &scopes)?;
    let generation = bearer.claims.generation;
    let person = claims::of_id_token(step.context, &bearer.user, &scopes).await?;
    let mut issued = begin(step, &parent, generation, &bearer.user, scopes).await?;
    issued.person = person;
    issued.exchanged = true;
    if wanted == TokenType::Access {
        issued.refresh_token = None;
    }
    Ok(issued)
}

async fn begin(
    step: &Step<'_>,
    parent: &Session,
    generation: u32,
    user: &User,
    scopes: ScopeSet,
) -> Result<Issued, Error> {
    let beginning = Beginning {
        scopes: scopes.clone(),
        parent: Some(Parent {
            id: parent.id,
            ends_at: Some(parent.expires_at()),
        }),
        longest: Some(parent.absolute_expires_at.remaining(step.now)),
        ..Beginning::of(step.client, SessionOrigin::TokenExchange, parent.auth_time)
    };
    let (begun, starting) =
        session::begin(step.context, step.requester, user, beginning, step.now).await?;
    // Whatever ended the parent meanwhile has ended this one too.
    let plan = Plan::of(sessions::being_live(parent.id, step.now))
        // Its answer arrived: an older refresh token is no lost answer any more (SETTLED).
        .then(sessions::marking_used(parent.id, generation))
        .and(starting);
    if step.apply(plan).await? {
        Ok(session::tokens(step.context, &begun, scopes, step.now))
    } else {
        Err(invalid().into())
    }
}

fn invalid() -> Refusal {
    Kind::InvalidGrant.because(
        "The subject token is not valid for this application. Get a new one and exchange that.",
    )
}
