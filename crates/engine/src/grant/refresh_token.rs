//! The refresh_token grant (RFC 6749 §6): rotation that converges, theft that is noticed.

use claviger_model::{
    audit::Action,
    directory::User,
    rotation::{Convergence, Presented, Verdict, judge},
    scope::ScopeSet,
    session::{EndReason, Session},
};
use claviger_store::{
    repository::session::{self as sessions, Rotation},
    statement::Plan,
};

use super::{
    request::{Issued, TokenRequest},
    step::{ATTEMPTS, Step},
};
use crate::{
    audit, claims,
    context::network_tag,
    error::{Error, Kind, Refusal},
    session,
    token::refresh::{self, RefreshToken},
};

pub(crate) async fn redeem(step: &Step<'_>, request: &TokenRequest) -> Result<Issued, Error> {
    let text = request.refresh_token.as_ref().ok_or_else(|| {
        Kind::InvalidRequest
            .because("refreshToken is missing. Send the one of the last CreateToken.")
    })?;
    let token = refresh::read(&step.context.keys, text.reveal()).ok_or_else(invalid)?;
    for _ in 0..ATTEMPTS {
        let found = sessions::with_user(step.context.store.as_ref(), token.session_id).await?;
        let (session, user) = found
            .filter(|(session, user)| {
                session.client == step.client.reference
                    && token.belongs_to(&session.secret)
                    && session::is_good(step.context, session, user, step.now)
            })
            .ok_or_else(invalid)?;
        let scopes = step.restrict(&session.scopes)?;
        let person = claims::of_id_token(step.context, &user, &scopes).await?;
        if let Some(issued) = answer(step, &token, session, &user, scopes).await? {
            return Ok(Issued { person, ..issued });
        }
    }
    Err(Step::contended())
}

/// The answer to an authentic token of a live session; `None` when a racer changed the row.
async fn answer(
    step: &Step<'_>,
    token: &RefreshToken,
    session: Session,
    user: &User,
    scopes: ScopeSet,
) -> Result<Option<Issued>, Error> {
    let keys = &step.context.keys;
    // The remembered network was tagged under the epoch that made the current generation.
    let epoch = keys
        .accepted(session.rotations.generation_epoch)
        .unwrap_or_else(|| keys.active());
    let presented = Presented {
        generation: token.generation,
        network: network_tag(&epoch.network, step.requester.network()),
        now: step.now,
        session_ends: session.absolute_expires_at,
    };
    let rules = step.context.policy.rotation(session.dialect);
    match judge(&session.rotations, rules, &presented) {
        Verdict::Rotate { to, ahead } => rotate(step, session, user, scopes, to, ahead).await,
        Verdict::Converge(Convergence::LostAnswer) => late(step, &session, user, scopes).await,
        Verdict::Converge(_) => {
            step.apply(Plan::default()).await?;
            Ok(Some(session::tokens(
                step.context,
                &session,
                scopes,
                step.now,
            )))
        }
        Verdict::Revoke => revoke(step, &session, user).await,
        Verdict::RefuseAhead => refuse_ahead(step, &session, user).await,
    }
}

async fn rotate(
    step: &Step<'_>,
    mut session: Session,
    user: &User,
    scopes: ScopeSet,
    to: u32,
    ahead: bool,
) -> Result<Option<Issued>, Error> {
    let active = step.context.keys.active();
    let rotation = Rotation {
        from: session.rotations.generation,
        to,
        epoch: active.epoch,
        network: network_tag(&active.network, step.requester.network()),
        idle_expires_at: step
            .now
            .plus(step.context.policy.session_idle)
            .min(session.absolute_expires_at),
    };
    let mut plan = Plan::of(sessions::rotating(&session, &rotation, step.now));
    if ahead {
        plan = plan.then(record(step, Action::RefreshAhead, &session, user));
    }
    if !step.apply(plan).await? {
        return Ok(None);
    }
    session.rotations.generation = to;
    session.rotations.generation_epoch = rotation.epoch;
    session.idle_expires_at = rotation.idle_expires_at;
    Ok(Some(session::tokens(
        step.context,
        &session,
        scopes,
        step.now,
    )))
}

async fn late(
    step: &Step<'_>,
    session: &Session,
    user: &User,
    scopes: ScopeSet,
) -> Result<Option<Issued>, Error> {
    let plan = Plan::of(sessions::counting_late_answer(session)).then(record(
        step,
        Action::RefreshLate,
        session,
        user,
    ));
    let applied = step.apply(plan).await?;
    Ok(applied.then(|| session::tokens(step.context, session, scopes, step.now)))
}

/// Ends the session; its holder learns no more than that the token is invalid (I10).
async fn revoke(step: &Step<'_>, session: &Session, user: &User) -> Result<Option<Issued>, Error> {
    let ending = sessions::ending_at_generation(session, EndReason::RefreshReuse, step.now);
    let plan = Plan::of(ending).then(record(step, Action::RefreshReuse, session, user));
    if !step.context.store.apply(plan).await?.is_whole() {
        return Ok(None);
    }
    step.context.credentials.forget(session.id);
    let detail = format!(
        "superseded token came back, session {} was ended",
        session.id
    );
    Err(invalid().alarm(detail).into())
}

async fn refuse_ahead(
    step: &Step<'_>,
    session: &Session,
    user: &User,
) -> Result<Option<Issued>, Error> {
    let plan = Plan::of(record(step, Action::RefreshAhead, session, user));
    step.context.store.apply(plan).await?;
    let detail = format!("token ahead of the store, session {}", session.id);
    Err(invalid().alarm(detail).into())
}

fn record(
    step: &Step<'_>,
    action: Action,
    session: &Session,
    user: &User,
) -> claviger_store::statement::Statement {
    let mut record = audit::on_session(action, user, session, step.requester, step.now);
    record.detail = format!("current generation {}", session.rotations.generation);
    audit::recording(step.context, &record)
}

/// Exactly these words: one client tells a lost session from other trouble by them (WIRE §6.8).
fn invalid() -> Refusal {
    Kind::InvalidGrant.because("Invalid refresh token provided")
}
