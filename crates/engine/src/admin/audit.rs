//! Reading the audit log.

use claviger_model::{audit::Record, time::Timestamp};

use crate::{context::Context, error::Error};

/// A record with the action as it was spelled when written.
pub type Entry = (String, i64, claviger_store::repository::audit::Entry);

/// Records since `since`, oldest first, the latest `limit` of them.
pub async fn read(
    context: &Context,
    since: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<claviger_store::repository::audit::Entry>, Error> {
    let _ = (context, since, limit);
    let _: Option<Record> = None;
    todo!()
}
