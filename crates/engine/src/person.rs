//! What a signed-in person sees of themselves: accounts, credentials, sessions.

use claviger_model::{
    access::{Account, Role},
    credentials::RoleCredentials,
    id::SessionId,
    network::Requester,
    scope::Reach,
    session::{EndReason, Session},
};
use claviger_store::repository::{access, session as sessions};

use crate::{
    context::Context,
    error::{Error, Kind},
    portal::{Holder, vend},
    session,
    web_session::SignedIn,
};

/// The person's accounts with their roles in each, by account id and role name.
pub async fn accounts(
    context: &Context,
    signed_in: &SignedIn,
) -> Result<Vec<(Account, Vec<Role>)>, Error> {
    let rows = access::all_of(context.store.as_ref(), signed_in.user.id).await?;
    let mut accounts: Vec<(Account, Vec<Role>)> = Vec::new();
    for (account, role) in rows {
        match accounts.last_mut() {
            Some((last, roles)) if last.id == account.id => roles.push(role),
            _ => accounts.push((account, vec![role])),
        }
    }
    Ok(accounts)
}

/// Credentials of one of the person's roles, for copying from the page.
pub async fn role_credentials(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    account_id: &str,
    role_name: &str,
) -> Result<RoleCredentials, Error> {
    let holder = Holder {
        user: &signed_in.user,
        reach: &Reach::Everything,
        // A browser's sign-in has no session of its own; its id keeps caches apart (POR-11).
        session_id: SessionId::from_bytes(*signed_in.web_session_id.as_bytes()),
        session_ends: signed_in.expires_at,
        session_policy: None,
        client: None,
    };
    vend(
        context,
        requester,
        &holder,
        account_id,
        role_name,
        context.now(),
    )
    .await
}

/// The person's live sessions, newest first.
pub async fn sessions(context: &Context, signed_in: &SignedIn) -> Result<Vec<Session>, Error> {
    let store = context.store.as_ref();
    Ok(sessions::live_of_user(store, signed_in.user.id, context.now()).await?)
}

/// Ends one of the person's own sessions; `Kind::NotFound` for anybody else's.
pub async fn end_session(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    session_id: SessionId,
) -> Result<(), Error> {
    let now = context.now();
    let store = context.store.as_ref();
    let found = sessions::with_user(store, session_id).await?;
    let own = found.filter(|(session, user)| user.id == signed_in.user.id && session.is_live(now));
    let (session, user) = own.ok_or_else(|| {
        Kind::NotFound
            .because("This session has already ended. Reload the page to see what is left.")
    })?;
    session::end(context, requester, &user, &session, EndReason::Person, now).await?;
    Ok(())
}
