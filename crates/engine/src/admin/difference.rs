//! What differs between the store and the wanted directory, for people and as statements.

use std::collections::{BTreeMap, BTreeSet};

use claviger_model::{
    access::{Account, Role},
    directory::{User, UserState},
    id::{GroupId, UserId},
    session::EndReason,
    time::Timestamp,
};
use claviger_store::{
    repository::{
        directory::{self as rows, Assignment, Group},
        session, user, web_session,
    },
    statement::Statement,
};

use super::wanted::{Directory, DirectoryRole, role_subject};
use crate::{context::Context, error::Error};

/// One difference between the store and the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether something comes, goes or is altered.
    pub verb: Verb,
    /// What: `user alice`, `role 111122223333/Developer`, `assignment …`.
    pub subject: String,
    /// What about it, for alterations.
    pub detail: String,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Is in the file only.
    Add,
    /// Is in both, but differs.
    Alter,
    /// Is in the store only.
    Remove,
}

/// Changes for people to read and the statements that make them.
#[derive(Default)]
pub(crate) struct Difference {
    pub(crate) changes: Vec<Change>,
    pub(crate) statements: Vec<Statement>,
}

impl Difference {
    fn push(&mut self, verb: Verb, subject: String, detail: String, statement: Statement) {
        self.changes.push(Change {
            verb,
            subject,
            detail,
        });
        self.statements.push(statement);
    }
}

/// Compares the store with `directory`.
pub(crate) async fn difference(
    context: &Context,
    directory: &Directory,
    now: Timestamp,
) -> Result<Difference, Error> {
    let store = context.store.as_ref();
    let mut out = Difference::default();
    let user_ids = users(context, directory, &user::all(store).await?, now, &mut out);
    let group_ids = groups(context, directory, &rows::groups(store).await?, &mut out);
    memberships(
        directory,
        &user_ids,
        &group_ids,
        rows::memberships(store).await?,
        &mut out,
    );
    accounts(directory, &rows::accounts(store).await?, &mut out);
    roles(directory, &rows::roles(store).await?, &mut out);
    assignments(
        directory,
        &user_ids,
        &group_ids,
        rows::assignments(store).await?,
        &mut out,
    );
    Ok(out)
}

/// Everybody who is or was: id by canonical name, and how to call them.
type Ids<K> = BTreeMap<String, K>;

fn users(
    context: &Context,
    directory: &Directory,
    stored: &[User],
    now: Timestamp,
    out: &mut Difference,
) -> Ids<UserId> {
    let mut ids: Ids<UserId> = stored
        .iter()
        .map(|user| (user.name.key(), user.id))
        .collect();
    let wanted: BTreeSet<String> = directory.users.iter().map(|user| user.name.key()).collect();
    let by_key: BTreeMap<String, &User> =
        stored.iter().map(|user| (user.name.key(), user)).collect();
    for user in &directory.users {
        let subject = format!("user {}", user.name);
        let Some(old) = by_key.get(&user.name.key()) else {
            let id = UserId::from_bytes(context.draw());
            ids.insert(user.name.key(), id);
            let new = User {
                id,
                name: user.name.clone(),
                display_name: user.display_name.clone(),
                email: user.email.clone(),
                state: UserState::Active,
                epoch: 0,
            };
            out.push(Verb::Add, subject, String::new(), user::adding(&new, now));
            continue;
        };
        let same = old.name == user.name
            && old.display_name == user.display_name
            && old.email == user.email;
        if !same {
            let statement = user::altering(
                old.id,
                &user.name,
                &user.display_name,
                user.email.as_deref(),
            );
            out.push(
                Verb::Alter,
                subject,
                "name or address".to_owned(),
                statement,
            );
        }
    }
    for old in stored
        .iter()
        .filter(|old| !wanted.contains(&old.name.key()))
    {
        let subject = format!("user {}", old.name);
        out.push(
            Verb::Remove,
            subject,
            "and all sessions".to_owned(),
            user::removing(old.id),
        );
        out.statements
            .push(web_session::ending_of_user(old.id, now));
        out.statements.push(session::ending_of_user(
            old.id,
            EndReason::Administrator,
            now,
        ));
    }
    ids
}

fn groups(
    context: &Context,
    directory: &Directory,
    stored: &[Group],
    out: &mut Difference,
) -> Ids<GroupId> {
    let mut ids: Ids<GroupId> = stored
        .iter()
        .map(|group| (group.name.clone(), group.id))
        .collect();
    for group in &directory.groups {
        if !ids.contains_key(&group.name) {
            let new = Group {
                id: GroupId::from_bytes(context.draw()),
                name: group.name.clone(),
            };
            out.push(
                Verb::Add,
                format!("group {}", group.name),
                String::new(),
                rows::adding_group(&new),
            );
            ids.insert(new.name, new.id);
        }
    }
    for old in stored
        .iter()
        .filter(|old| !directory.groups.iter().any(|g| g.name == old.name))
    {
        out.push(
            Verb::Remove,
            format!("group {}", old.name),
            String::new(),
            rows::removing_group(old.id),
        );
    }
    ids
}

fn memberships(
    directory: &Directory,
    user_ids: &Ids<UserId>,
    group_ids: &Ids<GroupId>,
    stored: Vec<(UserId, GroupId)>,
    out: &mut Difference,
) {
    let mut wanted = BTreeSet::new();
    for group in &directory.groups {
        let Some(group_id) = group_ids.get(&group.name) else {
            continue;
        };
        let members = group
            .members
            .iter()
            .filter_map(|member| user_ids.get(&member.key()));
        wanted.extend(members.map(|user_id| (*user_id, *group_id)));
    }
    let stored: BTreeSet<_> = stored.into_iter().collect();
    let subject = |(user_id, group_id): &(UserId, GroupId)| {
        format!(
            "member {} of group {}",
            name_of(user_ids, user_id),
            name_of(group_ids, group_id)
        )
    };
    for pair in wanted.difference(&stored) {
        out.push(
            Verb::Add,
            subject(pair),
            String::new(),
            rows::joining(pair.0, pair.1),
        );
    }
    for pair in stored.difference(&wanted) {
        out.push(
            Verb::Remove,
            subject(pair),
            String::new(),
            rows::leaving(pair.0, pair.1),
        );
    }
}

fn accounts(directory: &Directory, stored: &[Account], out: &mut Difference) {
    for account in &directory.accounts {
        let subject = format!("account {} {}", account.id, account.name);
        match stored.iter().find(|old| old.id == account.id) {
            None => out.push(
                Verb::Add,
                subject,
                String::new(),
                rows::putting_account(account),
            ),
            Some(old) if old != account => {
                let detail = format!("was {} <{}>", old.name, old.email);
                out.push(Verb::Alter, subject, detail, rows::putting_account(account));
            }
            Some(_) => {}
        }
    }
    for old in stored
        .iter()
        .filter(|old| !directory.accounts.iter().any(|a| a.id == old.id))
    {
        let subject = format!("account {} {}", old.id, old.name);
        out.push(
            Verb::Remove,
            subject,
            String::new(),
            rows::removing_account(&old.id),
        );
    }
}

fn roles(directory: &Directory, stored: &[Role], out: &mut Difference) {
    let same = |a: &Role, b: &Role| a.account_id == b.account_id && a.name == b.name;
    for DirectoryRole { role, .. } in &directory.roles {
        let subject = format!("role {}", role_subject(role));
        match stored.iter().find(|old| same(old, role)) {
            None => out.push(Verb::Add, subject, String::new(), rows::putting_role(role)),
            Some(old) if old != role => {
                let detail = "target, ARN or duration".to_owned();
                out.push(Verb::Alter, subject, detail, rows::putting_role(role));
            }
            Some(_) => {}
        }
    }
    for old in stored
        .iter()
        .filter(|old| !directory.roles.iter().any(|r| same(old, &r.role)))
    {
        let subject = format!("role {}", role_subject(old));
        out.push(
            Verb::Remove,
            subject,
            String::new(),
            rows::removing_role(old),
        );
    }
}

fn assignments(
    directory: &Directory,
    user_ids: &Ids<UserId>,
    group_ids: &Ids<GroupId>,
    stored: Vec<Assignment>,
    out: &mut Difference,
) {
    let mut names: BTreeMap<[u8; 16], String> = BTreeMap::new();
    names.extend(
        user_ids
            .iter()
            .map(|(name, id)| (*id.as_bytes(), format!("user {name}"))),
    );
    names.extend(
        group_ids
            .iter()
            .map(|(name, id)| (*id.as_bytes(), format!("group {name}"))),
    );
    let mut wanted = BTreeSet::new();
    for DirectoryRole {
        role,
        users,
        groups,
    } in &directory.roles
    {
        let users = users
            .iter()
            .filter_map(|name| user_ids.get(&name.key()))
            .map(UserId::as_bytes);
        let groups = groups
            .iter()
            .filter_map(|name| group_ids.get(name))
            .map(GroupId::as_bytes);
        wanted.extend(users.chain(groups).map(|principal| Assignment {
            principal: *principal,
            account_id: role.account_id.clone(),
            role_name: role.name.clone(),
        }));
    }
    let stored: BTreeSet<_> = stored.into_iter().collect();
    let subject = |assignment: &Assignment| {
        let principal = names
            .get(&assignment.principal)
            .map_or("somebody gone", String::as_str);
        format!(
            "{principal} has {}/{}",
            assignment.account_id, assignment.role_name
        )
    };
    for new in wanted.difference(&stored) {
        out.push(Verb::Add, subject(new), String::new(), rows::assigning(new));
    }
    for old in stored.difference(&wanted) {
        out.push(
            Verb::Remove,
            subject(old),
            String::new(),
            rows::unassigning(old),
        );
    }
}

fn name_of<'a, K: PartialEq>(ids: &'a Ids<K>, id: &K) -> &'a str {
    ids.iter()
        .find(|(_, own)| *own == id)
        .map_or("somebody gone", |(name, _)| name)
}
