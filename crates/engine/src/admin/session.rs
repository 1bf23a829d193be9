//! Sessions as the operator sees them.

use claviger_model::{directory::UserName, id::SessionId, session::Session};

use crate::{context::Context, error::Error};

/// Live sessions with their person's name, newest first; of one person when named.
pub async fn list(
    context: &Context,
    user_name: Option<&str>,
) -> Result<Vec<(UserName, Session)>, Error> {
    let _ = (context, user_name);
    todo!()
}

/// Ends one session; `Kind::NotFound` when there is none live of that id.
pub async fn end(context: &Context, session_id: SessionId) -> Result<(), Error> {
    let _ = (context, session_id);
    todo!()
}

/// Ends everything a person holds, browser sign-ins too; answers how many sessions ended.
pub async fn end_all(context: &Context, user_name: &str) -> Result<u64, Error> {
    let _ = (context, user_name);
    todo!()
}
