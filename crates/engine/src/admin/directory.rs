//! Making the store equal to the wanted directory, in one transaction.

use claviger_model::{audit::Action, time::Timestamp};
use claviger_store::{
    repository::directory as rows,
    statement::{Plan, Statement},
};

use super::{
    difference::{Change, Difference, Verb, difference},
    wanted::{Directory, role_subject},
};
use crate::{
    audit,
    context::Context,
    error::{Error, Kind, Refusal},
};

/// What `apply` would change; empty when store and file agree.
pub async fn plan(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    check_targets(context, directory)?;
    Ok(difference(context, directory, context.now()).await?.changes)
}

/// Makes the store equal to the file in one transaction and answers what changed. People who are
/// gone lose their sessions with it; people who stay keep their password.
pub async fn apply(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    check_targets(context, directory)?;
    let now = context.now();
    let version = rows::version(context.store.as_ref()).await?;
    let Difference {
        changes,
        statements,
    } = difference(context, directory, now).await?;
    if changes.is_empty() {
        return Ok(changes);
    }
    let plan = changes.iter().fold(
        Plan::of(rows::raising_version(version)).and(Plan(statements)),
        |plan, change| plan.then(record(context, change, now)),
    );
    if context.store.apply(plan).await?.is_whole() {
        Ok(changes)
    } else {
        Err(Kind::Unavailable
            .because("Somebody else changed the directory at the same time. Plan and apply again.")
            .into())
    }
}

/// A role of a target that this server does not have would only fail once somebody needs it.
fn check_targets(context: &Context, directory: &Directory) -> Result<(), Refusal> {
    let mut roles = directory.roles.iter().map(|wanted| &wanted.role);
    let lost = roles.find(|role| !context.credentials.knows(&role.target));
    match lost {
        None => Ok(()),
        Some(role) => Err(Kind::InvalidRequest
            .because(
                "A role names a target that this server does not have. Add it to [targets] of the \
                 configuration and start again, or correct the role.",
            )
            .detail(format!(
                "role {} names the target {}",
                role_subject(role),
                role.target
            ))),
    }
}

/// Who was given or lost what is what an investigator asks first: one record for each change.
fn record(context: &Context, change: &Change, now: Timestamp) -> Statement {
    let verb = match change.verb {
        Verb::Add => "added",
        Verb::Alter => "altered",
        Verb::Remove => "removed",
    };
    let detail = if change.detail.is_empty() {
        verb.to_owned()
    } else {
        format!("{verb}: {}", change.detail)
    };
    let record = audit::by_operator(Action::DirectoryApply, &change.subject, detail, now);
    audit::recording(context, &record)
}
