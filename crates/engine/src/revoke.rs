//! Token revocation (RFC 7009): a client ends what its token belongs to.

use claviger_model::{
    client::Client,
    directory::User,
    network::Requester,
    secret::Secret,
    session::{EndReason, Session},
};
use claviger_store::repository::session as sessions;

use crate::{
    client::authenticate::{ClientCredentials, authenticate},
    context::Context,
    error::Error,
    session,
    token::{access, refresh},
};

/// Ends the session of an access or a refresh token, superseded or not, if it is this client's. Of whatever else
/// is presented nothing is said, and nothing changes (MET-04, MET-05).
pub async fn revoke(
    context: &Context,
    requester: &Requester,
    client: &ClientCredentials,
    token: &Secret,
) -> Result<(), Error> {
    let now = context.now();
    let client = authenticate(context, client, now)?;
    let Some((session, user)) = find(context, &client, token).await? else {
        return Ok(());
    };
    if !session.is_live(now) {
        return Ok(());
    }
    session::end(
        context,
        requester,
        &user,
        &session,
        EndReason::Revocation,
        now,
    )
    .await?;
    Ok(())
}

/// The session of an authentic token of that client's.
async fn find(
    context: &Context,
    client: &Client,
    token: &Secret,
) -> Result<Option<(Session, User)>, Error> {
    let keys = &context.keys;
    let store = context.store.as_ref();
    let found = if let Some(token) = access::read(keys, token.reveal()) {
        let found = sessions::with_user(store, token.claims.session_id).await?;
        found.filter(|(session, _)| token.belongs_to(&session.secret))
    } else if let Some(token) = refresh::read(keys, token.reveal()) {
        let found = sessions::with_user(store, token.session_id).await?;
        found.filter(|(session, _)| token.belongs_to(&session.secret))
    } else {
        None
    };
    Ok(found.filter(|(session, _)| session.client == client.reference))
}
