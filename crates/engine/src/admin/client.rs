//! Clients as the operator sees them: a registration is stateless, so denying one is a row.

use crate::{context::Context, error::Error};

/// Denies a client by its id and ends its sessions (REG-12); answers how many ended.
/// `Kind::InvalidRequest` when the text is no client id of this instance.
pub async fn deny(context: &Context, client_id: &str, reason: &str) -> Result<u64, Error> {
    let _ = (context, client_id, reason);
    todo!()
}

/// Takes a denial back.
pub async fn allow(context: &Context, client_id: &str) -> Result<(), Error> {
    let _ = (context, client_id);
    todo!()
}
