//! A browser's sign-in: who sits in front of the pages.

use claviger_model::{
    audit::Action,
    directory::{User, UserState},
    id::WebSessionId,
    network::Requester,
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use claviger_store::{
    repository::web_session::{self, WebSession},
    statement::{Plan, Statement},
};

use crate::{
    audit,
    context::Context,
    error::Error,
    token::{form, web_cookie},
};

/// A person signed in at a browser.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The browser session.
    pub web_session_id: WebSessionId,
    /// The person.
    pub user: User,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// The token that every form of this browser session carries.
    pub form_token: Secret,
    /// When the sign-in ends at the latest.
    pub expires_at: Timestamp,
}

/// A cookie to set after a sign-in.
#[derive(Clone, Debug)]
pub struct NewWebSession {
    /// The cookie's value.
    pub cookie: Secret,
    /// Who signed in.
    pub signed_in: SignedIn,
}

/// The idle end is put off in steps of this, so that most page views write nothing.
const TOUCH: Lifetime = Lifetime::minutes(1);

/// The person behind a cookie, or nobody: ended, over, disabled, forged or none at all.
pub async fn current(context: &Context, cookie: &str) -> Result<Option<SignedIn>, Error> {
    let now = context.now();
    let Some(id) = web_cookie::read(&context.keys, cookie) else {
        return Ok(None);
    };
    let Some((session, user)) = web_session::with_user(context.store.as_ref(), id).await? else {
        return Ok(None);
    };
    let live = session.revoked_at.is_none()
        && now < session.idle_expires_at
        && now < session.absolute_expires_at
        && user.state == UserState::Active
        && user.epoch == session.user_epoch;
    if !live {
        return Ok(None);
    }
    put_off_idle_end(context, &session, now).await;
    Ok(Some(signed_in(context, &session, user)))
}

/// A store that cannot write now does not end a sign-in that is still good.
async fn put_off_idle_end(context: &Context, session: &WebSession, now: Timestamp) {
    let idle_end = now
        .plus(context.policy.web_session_idle)
        .min(session.absolute_expires_at);
    if idle_end.seconds_since(session.idle_expires_at) >= i64::from(TOUCH.as_seconds()) {
        let touch = Plan::of(web_session::touching(session.id, idle_end));
        let _ = context.store.apply(touch).await;
    }
}

/// Whether `form_token` came with a form of this browser session.
pub fn admits_form(context: &Context, signed_in: &SignedIn, form_token: &str) -> bool {
    form::admits(&context.keys, signed_in.web_session_id, form_token)
}

/// Ends a browser's sign-in. The sessions of its devices go on.
pub async fn sign_out(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
) -> Result<(), Error> {
    let now = context.now();
    let record = audit::by_person(Action::SignOut, &signed_in.user, requester, now);
    let plan = Plan::of(web_session::ending(signed_in.web_session_id, now))
        .then(audit::recording(context, &record));
    // A guard that fails means that it had ended already.
    context.store.apply(plan).await?;
    Ok(())
}

/// A new browser session for `user`, and the statement that begins it.
pub(crate) fn begin(
    context: &Context,
    requester: &Requester,
    user: User,
    now: Timestamp,
) -> (NewWebSession, Statement) {
    let absolute = now.plus(context.policy.web_session_lifetime);
    let session = WebSession {
        id: WebSessionId::from_bytes(context.draw()),
        user_id: user.id,
        user_epoch: user.epoch,
        auth_time: now,
        address: requester.address.to_string(),
        user_agent: requester.user_agent.clone(),
        created_at: now,
        idle_expires_at: now.plus(context.policy.web_session_idle).min(absolute),
        absolute_expires_at: absolute,
        revoked_at: None,
    };
    let cookie = web_cookie::mint(&context.keys.active(), session.id);
    let signed_in = signed_in(context, &session, user);
    (
        NewWebSession { cookie, signed_in },
        web_session::starting(&session),
    )
}

fn signed_in(context: &Context, session: &WebSession, user: User) -> SignedIn {
    SignedIn {
        web_session_id: session.id,
        user,
        auth_time: session.auth_time,
        form_token: form::mint(&context.keys.active(), session.id).into(),
        expires_at: session.absolute_expires_at,
    }
}
