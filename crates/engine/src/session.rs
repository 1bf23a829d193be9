//! Sessions: how one begins, what tokens it gives, how it is found again and ended.

use claviger_model::{
    audit::Action,
    client::{Client, Dialect, SigningAlgorithm},
    directory::{User, UserState},
    id::{ClientRef, SessionId},
    network::Requester,
    rotation::Rotations,
    scope::ScopeSet,
    secret::SecretBytes,
    session::{EndReason, Parent, Session, SessionOrigin},
    time::{Lifetime, Timestamp},
};
use claviger_store::{repository::session, statement::Plan};

use crate::{
    audit,
    context::Context,
    error::Error,
    issued::Issued,
    token::{
        access::{self, AccessClaims},
        refresh,
    },
};

/// What a grant hands over to begin a session.
pub(crate) struct Beginning {
    pub(crate) client: ClientRef,
    pub(crate) client_name: String,
    pub(crate) dialect: Dialect,
    pub(crate) scopes: ScopeSet,
    pub(crate) origin: SessionOrigin,
    pub(crate) auth_time: Timestamp,
    pub(crate) parent: Option<Parent>,
    /// The longest that it may last, where that is shorter than sessions do.
    pub(crate) longest: Option<Lifetime>,
}

impl Beginning {
    /// One with all that the client may have.
    pub(crate) fn of(client: &Client, origin: SessionOrigin, auth_time: Timestamp) -> Self {
        Self {
            client: client.reference,
            client_name: client.metadata.name.as_str().to_owned(),
            dialect: client.metadata.dialect,
            scopes: client.metadata.scopes.clone(),
            origin,
            auth_time,
            parent: None,
            longest: None,
        }
    }
}

/// A new session of `user` and the plan that begins it. Its id and secret are drawn here, before
/// the write; its tokens leave the house only if the write wins.
pub(crate) async fn begin(
    context: &Context,
    requester: &Requester,
    user: &User,
    beginning: Beginning,
    now: Timestamp,
) -> Result<(Session, Plan), Error> {
    let longest = [beginning.longest, beginning.scopes.longest()];
    let longest = longest.into_iter().flatten();
    let absolute = now.plus(longest.fold(context.policy.session_lifetime, Lifetime::min));
    let session = Session {
        id: SessionId::from_bytes(context.draw()),
        user_id: user.id,
        user_epoch: user.epoch,
        client: beginning.client,
        client_name: beginning.client_name,
        dialect: beginning.dialect,
        scopes: beginning.scopes,
        origin: beginning.origin,
        secret: SecretBytes::new(context.draw()),
        rotations: Rotations {
            generation: 1,
            generation_epoch: context.keys.active().epoch,
            used_generation: 0,
            rotated_at: [None; 4],
            rotated_network: None,
            late_answers: 0,
        },
        auth_time: beginning.auth_time,
        created_at: now,
        idle_expires_at: now.plus(context.policy.session_idle).min(absolute),
        absolute_expires_at: absolute,
        revoked_at: None,
        parent: beginning.parent,
    };
    let record = audit::on_session(Action::SessionStart, user, &session, requester, now);
    let plan = Plan::of(session::starting(&session))
        .then(audit::recording(context, &record))
        .and(make_room(context, requester, user, &session, now).await?);
    Ok((session, plan))
}

/// What machines begin makes room among what the same machine began, and never where people sign in.
fn makes_room_for(old: &Session, new: &Session) -> bool {
    match (old.origin.is_by_machine(), new.origin.is_by_machine()) {
        (true, true) => old.client == new.client,
        (false, false) => true,
        _ => false,
    }
}

/// Sessions that one more of the same person ends at most: a cap that was lowered is reached step by step,
/// and nobody's sign-in becomes too large to be written.
const ROOM_AT_ONCE: usize = 1_000;

/// Ends the sessions idle longest when a person has reached the cap (RES-10).
async fn make_room(
    context: &Context,
    requester: &Requester,
    user: &User,
    new: &Session,
    now: Timestamp,
) -> Result<Plan, Error> {
    let store = context.store.as_ref();
    let cap = context.policy.limits.sessions_per_user;
    // Nearly everybody has far fewer, even with those that have ended: no need to read them.
    if session::count_of_user(store, user.id).await? < u64::from(cap) {
        return Ok(Plan::default());
    }
    let mut live = session::live_of_user(store, user.id, now).await?;
    let parent = new.parent.map(|parent| parent.id);
    live.retain(|old| Some(old.id) != parent && makes_room_for(old, new));
    let keep = usize::try_from(cap).unwrap_or(usize::MAX);
    live.sort_by_key(|session| {
        let [last_rotation, ..] = session.rotations.rotated_at;
        std::cmp::Reverse(last_rotation.unwrap_or(session.created_at))
    });
    let surplus = live.iter().skip(keep.saturating_sub(1));
    let surplus = surplus.rev().take(ROOM_AT_ONCE);
    let mut plan = surplus.fold(Plan::default(), |plan, surplus| {
        let reason = EndReason::SessionCap;
        plan.and(ending(context, requester, user, surplus, reason, now))
    });
    // These endings come with a beginning, which a full disk has no room for.
    for statement in &mut plan.0 {
        statement.even_when_full = false;
    }
    Ok(plan)
}

/// The plan that ends a session and records it.
pub(crate) fn ending(
    context: &Context,
    requester: &Requester,
    user: &User,
    session: &Session,
    reason: EndReason,
    now: Timestamp,
) -> Plan {
    let mut record = audit::on_session(Action::SessionEnd, user, session, requester, now);
    reason.as_str().clone_into(&mut record.detail);
    Plan::of(session::ending(session.id, reason, now)).then(audit::recording(context, &record))
}

/// Ends a session, and whatever was kept for it; false where it has ended meanwhile.
pub(crate) async fn end(
    context: &Context,
    requester: &Requester,
    user: &User,
    session: &Session,
    reason: EndReason,
    now: Timestamp,
) -> Result<bool, Error> {
    let plan = ending(context, requester, user, session, reason, now);
    let applied = context.store.apply(plan).await?;
    context.credentials.forget(session.id);
    Ok(applied.is_whole())
}

/// The tokens of a session's current generation; the access token carries `scopes` of it.
///
/// Clients without scopes (WIRE §3.5) get a long access token and nothing to refresh it with.
pub(crate) fn tokens(
    context: &Context,
    session: &Session,
    scopes: ScopeSet,
    now: Timestamp,
) -> Issued {
    let policy = &context.policy;
    let legacy = session.scopes.is_legacy();
    let lifetime = if legacy {
        policy.legacy_access_token_lifetime
    } else {
        policy.access_token_lifetime
    };
    let expires_at = now.plus(lifetime).min(session.expires_at());
    let claims = AccessClaims {
        session_id: session.id,
        generation: session.rotations.generation,
        client: session.client,
        scope_mask: session.scopes.mask_of(&scopes),
        expires_at,
    };
    let active = context.keys.active();
    let refresh_token = (!legacy).then(|| {
        // The epoch of the row decides, so that a retry after a key rotation gives the same
        // bytes (REF-18).
        let epoch = context.keys.accepted(session.rotations.generation_epoch);
        let keys = epoch.as_ref().unwrap_or(&active);
        refresh::mint(
            keys,
            &session.secret,
            session.id,
            session.rotations.generation,
        )
    });
    Issued {
        access_token: access::mint(&active, &session.secret, &claims),
        expires_in: expires_at.remaining(now),
        refresh_token,
        scopes,
        exchanged: false,
        origin: session.origin,
        user_id: session.user_id,
        auth_time: session.auth_time,
        nonce: None,
        id_token_alg: SigningAlgorithm::Es256,
        person: None,
    }
}

/// Whether the session and its person are in good standing.
pub(crate) fn is_good(context: &Context, session: &Session, user: &User, now: Timestamp) -> bool {
    session.is_live(now)
        && user.state == UserState::Active
        && user.epoch == session.user_epoch
        && !context.is_denied(session.client)
}
