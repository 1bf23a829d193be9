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
    /// The thing in the file: `group engineers`, `role 111122223333/Developer`.
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
        known(
            &users,
            group.members.iter().map(UserName::key),
            "user",
            &format!("group {}", group.name),
        )?;
    }
    for role in &directory.roles {
        let subject = format!("role {}", role_subject(&role.role));
        known(
            &accounts,
            [role.role.account_id.to_string()],
            "account",
            &subject,
        )?;
        known(
            &users,
            role.users.iter().map(UserName::key),
            "user",
            &subject,
        )?;
        known(&groups, role.groups.iter().cloned(), "group", &subject)?;
    }
    Ok(())
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
    subject: &str,
) -> Result<(), Contradiction> {
    match named.into_iter().find(|name| !all.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Contradiction {
            subject: subject.to_owned(),
            problem: format!(
                "names the {what} {name}, which is not in the file; add it or correct the name"
            ),
        }),
    }
}

pub(crate) fn role_subject(role: &Role) -> String {
    format!("{}/{}", role.account_id, role.name)
}
