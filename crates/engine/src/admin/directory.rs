//! The directory as a file: what differs, and making it so in one transaction.

use claviger_model::{
    access::{Account, Role},
    directory::UserName,
    id::{AccountId, RoleName},
};

use crate::{context::Context, error::Error};

/// The whole directory as the operator wants it. Checked for references and duplicates by
/// [`plan`]; spellings are checked by whoever parsed the file.
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
    let _ = directory;
    todo!()
}

/// What `apply` would change; empty when store and file agree.
pub async fn plan(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    let _ = (context, directory);
    todo!()
}

/// Makes the store equal to the file in one transaction and answers what changed. People who are
/// gone lose their sessions with it; people who stay keep their password.
pub async fn apply(context: &Context, directory: &Directory) -> Result<Vec<Change>, Error> {
    let _ = (context, directory);
    todo!()
}

/// A name for what is missing where an id is looked up by text.
pub type AccountRole = (AccountId, RoleName);
