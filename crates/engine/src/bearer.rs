//! An access token that somebody presents, and whose it is.

use claviger_model::{
    directory::User, scope::ScopeSet, secret::Secret, session::Session, time::Timestamp,
};
use claviger_store::{repository::session as sessions, statement::Plan};

use crate::{
    context::Context,
    error::Error,
    session,
    token::access::{self, AccessClaims},
};

/// A live session behind a bearer token, with its person.
pub(crate) struct Bearer {
    pub(crate) session: Session,
    pub(crate) user: User,
    /// What the token says.
    pub(crate) claims: AccessClaims,
}

impl Bearer {
    /// What the token carries of its session's scopes.
    pub(crate) fn scopes(&self) -> ScopeSet {
        self.session.scopes.select(self.claims.scope_mask)
    }
}

/// Believes a bearer token: both locks, its end, its session, its person. One read.
pub(crate) async fn believe(
    context: &Context,
    bearer: &Secret,
    now: Timestamp,
) -> Result<Option<Bearer>, Error> {
    let token = access::read(&context.keys, bearer.reveal());
    let Some(token) = token.filter(|token| now < token.claims.expires_at) else {
        return Ok(None);
    };
    let claims = token.claims;
    let found = sessions::with_user(context.store.as_ref(), claims.session_id).await?;
    let good = found.filter(|(session, user)| {
        session.client == claims.client
            && token.belongs_to(&session.secret)
            && session::is_good(context, session, user, now)
    });
    Ok(good.map(|(session, user)| Bearer {
        session,
        user,
        claims,
    }))
}

/// Remembers that the token was accepted for something: an older refresh token is no lost answer any more (SETTLED).
pub(crate) async fn mark_used(context: &Context, bearer: &Bearer) {
    let (claims, rotations) = (bearer.claims, &bearer.session.rotations);
    if claims.generation == rotations.generation && rotations.used_generation < claims.generation {
        // Losing this write only makes a later refresh judgement more lenient.
        let plan = Plan::of(sessions::marking_used(claims.session_id, claims.generation));
        let _ = context.store.apply(plan).await;
    }
}
