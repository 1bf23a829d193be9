//! What a signed-in person sees of themselves: accounts, credentials, sessions.

use claviger_model::{
    access::{Account, Role},
    credentials::RoleCredentials,
    id::SessionId,
    network::Requester,
    session::Session,
};

use crate::{context::Context, error::Error, web_session::SignedIn};

/// The person's accounts with their roles in each, by account id and role name.
pub async fn accounts(
    context: &Context,
    signed_in: &SignedIn,
) -> Result<Vec<(Account, Vec<Role>)>, Error> {
    let _ = (context, signed_in);
    todo!()
}

/// Credentials of one of the person's roles, for copying from the page.
pub async fn role_credentials(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    account_id: &str,
    role_name: &str,
) -> Result<RoleCredentials, Error> {
    let _ = (context, requester, signed_in, account_id, role_name);
    todo!()
}

/// The person's live sessions, newest first.
pub async fn sessions(context: &Context, signed_in: &SignedIn) -> Result<Vec<Session>, Error> {
    let _ = (context, signed_in);
    todo!()
}

/// Ends one of the person's own sessions; `Kind::NotFound` for anybody else's.
pub async fn end_session(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    session_id: SessionId,
) -> Result<(), Error> {
    let _ = (context, requester, signed_in, session_id);
    todo!()
}
