//! Reading the audit log.

use claviger_model::time::Timestamp;
use claviger_store::repository::audit;

use crate::{context::Context, error::Error};

/// A record as it was written.
pub type Entry = audit::Entry;

/// The latest `limit` records since `since`, oldest first.
pub async fn read(context: &Context, since: Timestamp, limit: u32) -> Result<Vec<Entry>, Error> {
    Ok(audit::latest(context.store.as_ref(), since, limit).await?)
}
