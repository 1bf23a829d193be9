//! The directory as the operator wants it, and whether it makes sense in itself.

use std::collections::BTreeSet;

use claviger_model::{
    access::{Account, Role},
    directory::UserName,
};

/// The whole directory as the operator wants it. Checked for references and duplicates by
/// [`check`]; spellings are checked by whoever parsed the file.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// People.
    pub users: Vec<DirectoryUser>,
    /// Groups with their members.
    pub groups: Vec<DirectoryGroup>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Roles with who has them.
    pub roles: Vec<DirectoryRole>,
}

/// A person of the file.
#[derive(Clone, Debug)]
pub struct DirectoryUser {
    /// What is typed to sign in; identifies the person across edits of the file.
    pub name: UserName,
    /// What pages call them.
    pub display_name: String,
    /// Their address.
    pub email: Option<String>,
}

/// A group of the file.
#[derive(Clone, Debug)]
pub struct DirectoryGroup {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<UserName>,
}

/// A role of the file.
#[derive(Clone, Debug)]
pub struct DirectoryRole {
    /// The role.
    pub role: Role,
    /// People who have it themselves.
    pub users: Vec<UserName>,
    /// Groups whose members have it.
    pub groups: Vec<String>,
}

/// Why a directory cannot be applied, naming the thing in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {problem}")]
pub struct Contradiction {
    /// The thing in the file: `group engineers`, `group engineers: members: alice`,
    /// `role 111122223333/Developer`, `role 111122223333/Developer: users: alice`.
    pub subject: String,
    /// What is wrong and what to do.
    pub problem: String,
}

/// Finds contradictions inside a directory: duplicates and dangling references.
pub fn check(directory: &Directory) -> Result<(), Contradiction> {
    let users = unique(directory.users.iter().map(|user| user.name.key()), "user")?;
    let groups = unique(
        directory.groups.iter().map(|group| group.name.clone()),
        "group",
    )?;
    let accounts = unique(
        directory
            .accounts
            .iter()
            .map(|account| account.id.to_string()),
        "account",
    )?;
    unique(
        directory.roles.iter().map(|role| role_subject(&role.role)),
        "role",
    )?;
    for group in &directory.groups {
        let members = group.members.iter().map(UserName::key);
        known(&users, members, "user", |name| member(&group.name, name))?;
    }
    for role in &directory.roles {
        let subject = format!("role {}", role_subject(&role.role));
        let account = [role.role.account_id.to_string()];
        known(&accounts, account, "account", |_| subject.clone())?;
        let names = role.users.iter().map(UserName::key);
        known(&users, names, "user", |name| {
            assignment(&subject, "users", name)
        })?;
        let names = role.groups.iter().cloned();
        known(&groups, names, "group", |name| {
            assignment(&subject, "groups", name)
        })?;
    }
    Ok(())
}

/// What a contradiction calls a member of a group.
pub fn member(group: &str, user: &str) -> String {
    format!("group {group}: members: {user}")
}

/// What a contradiction calls somebody in a role's `users` or `groups`.
pub fn assignment(role: &str, key: &str, name: &str) -> String {
    format!("{role}: {key}: {name}")
}

fn unique(
    names: impl Iterator<Item = String>,
    what: &str,
) -> Result<BTreeSet<String>, Contradiction> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            let problem = "is in the file twice; keep one of them".to_owned();
            return Err(Contradiction {
                subject: format!("{what} {name}"),
                problem,
            });
        }
        seen.insert(name);
    }
    Ok(seen)
}

fn known(
    all: &BTreeSet<String>,
    named: impl IntoIterator<Item = String>,
    what: &str,
    subject: impl Fn(&str) -> String,
) -> Result<(), Contradiction> {
    match named.into_iter().find(|name| !all.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Contradiction {
            subject: subject(&name),
            problem: format!("no such {what} is in the file; add it or correct the name"),
        }),
    }
}

pub(crate) fn role_subject(role: &Role) -> String {
    format!("{}/{}", role.account_id, role.name)
}
