//! Making the store equal to the wanted directory, in one transaction.

use claviger_model::audit::Action;
use claviger_store::{repository::directory as rows, statement::Plan};

use super::{
    difference::{Change, Difference, difference},
    wanted::Directory,
};
use crate::{
    audit,
    context::Context,
    error::{Error, Kind},
};

/// What `apply` would change; empty when store and file agree.
pub async fn plan(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    Ok(difference(context, directory, context.now()).await?.changes)
}

/// Makes the store equal to the file in one transaction and answers what changed. People who are
/// gone lose their sessions with it; people who stay keep their password.
pub async fn apply(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    let now = context.now();
    let version = rows::version(context.store.as_ref()).await?;
    let Difference {
        changes,
        statements,
    } = difference(context, directory, now).await?;
    if changes.is_empty() {
        return Ok(changes);
    }
    let detail = format!("{} changes", changes.len());
    let record = audit::by_operator(Action::DirectoryApply, "directory", detail, now);
    let plan = Plan::of(rows::raising_version(version))
        .and(Plan(statements))
        .then(audit::recording(context, &record));
    if context.store.apply(plan).await?.is_whole() {
        Ok(changes)
    } else {
        Err(Kind::Unavailable
            .because("Somebody else changed the directory at the same time. Plan and apply again.")
            .into())
    }
}
