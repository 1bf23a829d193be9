//! Making the store equal to the wanted directory, in one transaction.

use claviger_model::{access::Role, audit::Action, id::UserId, time::Timestamp};
use claviger_store::{
    repository::{directory as rows, user},
    statement::{Plan, Statement},
};

use super::{
    difference::{Change, Difference, Verb, difference},
    wanted::{Directory, DirectoryGroup, DirectoryRole, DirectoryUser, role_subject},
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

/// The directory as the store has it.
pub async fn current(context: &Context) -> Result<Directory, Error> {
    let store = context.store.as_ref();
    let (users, groups) = (user::all(store).await?, rows::groups(store).await?);
    let (memberships, assignments) = (
        rows::memberships(store).await?,
        rows::assignments(store).await?,
    );
    let names = |ids: Vec<UserId>| {
        let named = users.iter().filter(|user| ids.contains(&user.id));
        named.map(|user| user.name.clone()).collect::<Vec<_>>()
    };
    let of_group = |group: &rows::Group| DirectoryGroup {
        name: group.name.clone(),
        members: names(
            memberships
                .iter()
                .filter(|(_, of)| *of == group.id)
                .map(|(user, _)| *user)
                .collect(),
        ),
    };
    let of_role = |role: Role| {
        let principals: Vec<[u8; 16]> = assignments
            .iter()
            .filter(|given| given.account_id == role.account_id && given.role_name == role.name)
            .map(|given| given.principal)
            .collect();
        let given = |id: &[u8; 16]| principals.contains(id);
        DirectoryRole {
            users: users
                .iter()
                .filter(|user| given(user.id.as_bytes()))
                .map(|user| user.name.clone())
                .collect(),
            groups: groups
                .iter()
                .filter(|group| given(group.id.as_bytes()))
                .map(|group| group.name.clone())
                .collect(),
            role,
        }
    };
    Ok(Directory {
        groups: groups.iter().map(of_group).collect(),
        accounts: rows::accounts(store).await?,
        roles: rows::roles(store).await?.into_iter().map(of_role).collect(),
        users: users
            .iter()
            .map(|user| DirectoryUser {
                name: user.name.clone(),
                display_name: user.display_name.clone(),
                email: user.email.clone(),
            })
            .collect(),
    })
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
