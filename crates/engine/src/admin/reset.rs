//! Beginning anew with the same keys, for `claviger dev`. No command of an operator leads here.

use claviger_store::repository::reset;

use crate::{context::Context, error::Error};

/// Forgets people, directory, sessions, codes, counts and the audit log.
pub async fn forget_everything(context: &Context) -> Result<(), Error> {
    context.store.apply(reset::forgetting_everything()).await?;
    context.forget_counts();
    Ok(())
}
