//! Going on with a store that has gone back in time (R12).

use claviger_model::audit::Action;
use claviger_store::{repository::rollback, statement::Plan};

use crate::{audit, context::Context, error::Error};

/// Ends the reports: the operator knows that what was revoked since then may be good again.
pub async fn accept(context: &Context) -> Result<(), Error> {
    let now = context.now();
    let record = audit::by_operator(Action::RollbackAccept, "store", String::new(), now);
    let plan = Plan::of(rollback::accepting()).then(audit::recording(context, &record));
    context.store.apply(plan).await?;
    Ok(())
}
