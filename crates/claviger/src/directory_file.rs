//! The directory as a file: users, groups, accounts and roles in one TOML. Every complaint names
//! line and key.

use std::{collections::BTreeMap, fmt};

use claviger_engine::admin::wanted::{
    Directory, DirectoryGroup, DirectoryRole, DirectoryUser, assignment, check, member,
};
use claviger_model::{
    access::{Account, Role},
    directory::UserName,
    id::{AccountId, Malformed, RoleName, TargetName},
    time::Lifetime,
};
use serde::Deserialize;
use toml::Spanned;

use crate::config::{
    duration::Span,
    raw::{line_of, with_key},
};

/// The seed of `claviger dev`, and the example of the documentation.
pub(crate) const SEED: &str = include_str!("seed.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    user: Vec<User>,
    #[serde(default)]
    group: Vec<Group>,
    #[serde(default)]
    account: Vec<AccountEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: Spanned<String>,
    display_name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: Spanned<String>,
    #[serde(default)]
    members: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountEntry {
    id: Spanned<String>,
    name: String,
    email: Option<String>,
    #[serde(default)]
    role: Vec<RoleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    name: Spanned<String>,
    target: Option<Spanned<String>>,
    arn: Spanned<String>,
    duration: Option<Spanned<Span>>,
    #[serde(default)]
    users: Vec<Spanned<String>>,
    #[serde(default)]
    groups: Vec<Spanned<String>>,
}

/// What is wrong with a directory file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    line: usize,
    problem: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for Complaint {}

/// Reads a directory file and checks it as a whole.
pub(crate) fn parse(text: &str) -> Result<Directory, Complaint> {
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Complaint {
            line: line_of(text, at),
            problem: with_key(text, at, error.message()),
        }
    })?;
    let mut reader = Reader {
        text,
        lines: BTreeMap::new(),
    };
    let directory = Directory {
        users: file
            .user
            .iter()
            .map(|user| reader.user(user))
            .collect::<Result<_, _>>()?,
        groups: file
            .group
            .iter()
            .map(|group| reader.group(group))
            .collect::<Result<_, _>>()?,
        accounts: file
            .account
            .iter()
            .map(|entry| reader.account(entry))
            .collect::<Result<_, _>>()?,
        roles: reader.roles(&file.account)?,
    };
    check(&directory).map_err(|contradiction| Complaint {
        line: reader
            .lines
            .get(&contradiction.subject)
            .copied()
            .unwrap_or(1),
        problem: contradiction.to_string(),
    })?;
    Ok(directory)
}

/// Turns entries into values and remembers on which line each thing is defined last.
struct Reader<'a> {
    text: &'a str,
    lines: BTreeMap<String, usize>,
}

impl Reader<'_> {
    fn line(&self, spanned: &Spanned<impl Sized>) -> usize {
        line_of(self.text, spanned.span().start)
    }

    fn remember(&mut self, at: &Spanned<String>, subject: String) {
        let line = self.line(at);
        self.lines.insert(subject, line);
    }

    fn complain<T>(&self, at: &Spanned<T>, key: &str, rule: impl fmt::Display) -> Complaint {
        Complaint {
            line: self.line(at),
            problem: format!("{key}: {rule}"),
        }
    }

    fn value<T>(
        &self,
        spanned: &Spanned<String>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<T, Complaint> {
        parse(spanned.get_ref()).map_err(|error| self.complain(spanned, key, error))
    }

    fn names(&self, spanned: &[Spanned<String>], key: &str) -> Result<Vec<UserName>, Complaint> {
        spanned
            .iter()
            .map(|name| self.value(name, key, UserName::parse))
            .collect()
    }

    fn user(&mut self, user: &User) -> Result<DirectoryUser, Complaint> {
        let name = self.value(&user.name, "user.name", UserName::parse)?;
        self.remember(&user.name, format!("user {}", name.key()));
        Ok(DirectoryUser {
            display_name: user
                .display_name
                .clone()
                .unwrap_or_else(|| name.to_string()),
            email: user.email.clone(),
            name,
        })
    }

    fn group(&mut self, group: &Group) -> Result<DirectoryGroup, Complaint> {
        let name = group.name.get_ref();
        if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
            let rule = "must not be empty nor hold control characters or outer spaces";
            return Err(self.complain(&group.name, "group.name", rule));
        }
        self.remember(&group.name, format!("group {name}"));
        let members = self.names(&group.members, "group.members")?;
        for (at, user) in group.members.iter().zip(&members) {
            self.remember(at, member(name, &user.key()));
        }
        Ok(DirectoryGroup {
            name: name.clone(),
            members,
        })
    }

    fn account(&mut self, entry: &AccountEntry) -> Result<Account, Complaint> {
        let id = self.value(&entry.id, "account.id", AccountId::parse)?;
        self.remember(&entry.id, format!("account {id}"));
        let email = entry
            .email
            .clone()
            .unwrap_or_else(|| format!("{id}@accounts.invalid"));
        Ok(Account {
            id,
            name: entry.name.clone(),
            email,
        })
    }

    fn roles(&mut self, accounts: &[AccountEntry]) -> Result<Vec<DirectoryRole>, Complaint> {
        let mut roles = Vec::new();
        for account in accounts {
            let account_id = self.value(&account.id, "account.id", AccountId::parse)?;
            for entry in &account.role {
                roles.push(self.role(&account_id, entry)?);
            }
        }
        Ok(roles)
    }

    fn role(
        &mut self,
        account_id: &AccountId,
        entry: &RoleEntry,
    ) -> Result<DirectoryRole, Complaint> {
        let name = self.value(&entry.name, "role.name", RoleName::parse)?;
        let target = match &entry.target {
            Some(target) => self.value(target, "role.target", TargetName::parse)?,
            None => TargetName::default(),
        };
        let arn = entry.arn.get_ref();
        if !arn.starts_with("arn:")
            || arn.len() > 2048
            || !arn.bytes().all(|b| b.is_ascii_graphic())
        {
            let rule =
                "must be the ARN of a role, such as arn:aws:iam::111122223333:role/Developer";
            return Err(self.complain(&entry.arn, "role.arn", rule));
        }
        let duration = entry
            .duration
            .as_ref()
            .map_or(Lifetime::hours(1), |span| span.get_ref().0);
        if !(Lifetime::minutes(15)..=Lifetime::hours(12)).contains(&duration) {
            let at = entry.duration.as_ref().map_or(1, |span| self.line(span));
            let problem = "role.duration: must be between 15m and 12h".to_owned();
            return Err(Complaint { line: at, problem });
        }
        let subject = format!("role {account_id}/{name}");
        self.remember(&entry.name, subject.clone());
        let users = self.names(&entry.users, "role.users")?;
        for (at, user) in entry.users.iter().zip(&users) {
            self.remember(at, assignment(&subject, "users", &user.key()));
        }
        for at in &entry.groups {
            self.remember(at, assignment(&subject, "groups", at.get_ref()));
        }
        Ok(DirectoryRole {
            role: Role {
                account_id: account_id.clone(),
                name,
                target,
                arn: arn.clone(),
                duration,
            },
            users,
            groups: entry
                .groups
                .iter()
                .map(|group| group.get_ref().clone())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_two_accounts_with_two_roles_each_for_alice() {
        let seed = parse(SEED).expect("the seed");
        assert_eq!(seed.users.len(), 1);
        assert_eq!(seed.accounts.len(), 2);
        assert_eq!(seed.roles.len(), 4);
    }

    #[test]
    fn every_complaint_names_line_and_key() {
        let account = "[[account]]\nid = \"111122223333\"\nname = \"x\"\n[[account.role]]\n";
        let role = format!("{account}name = \"R\"\narn = \"arn:aws:iam::1:role/R\"\n");
        let rows = [
            ("[[user]]\nnmae = \"a\"\n".to_owned(), "line 2", "nmae"),
            (
                "\n[[user]]\nname = \"a\\n\"\n".to_owned(),
                "line 3",
                "user.name",
            ),
            (
                "[[user]]\nname = \"a\"\n[[user]]\nname = \"A\"\n".to_owned(),
                "line 4",
                "twice",
            ),
            (
                "[[group]]\nname = \"g\"\nmembers = [\"bob\"]\n".to_owned(),
                "line 3",
                "group g: members: bob: no such user",
            ),
            (
                "[[account]]\nid = \"1\"\nname = \"x\"\n".to_owned(),
                "line 2",
                "account.id",
            ),
            (
                format!("{account}name = \"a/b\"\narn = \"arn:x\"\n"),
                "line 5",
                "role.name",
            ),
            (
                format!("{account}name = \"R\"\narn = \"x\"\n"),
                "line 6",
                "role.arn",
            ),
            (
                format!("{role}duration = \"5m\"\n"),
                "line 7",
                "role.duration",
            ),
            (
                format!("{role}duration = \"soon\"\n"),
                "line 7",
                "duration: must be",
            ),
            (format!("{role}target = \"A B\"\n"), "line 7", "role.target"),
            (
                format!("{role}groups = [\"gone\"]\n"),
                "line 7",
                "groups: gone: no such group",
            ),
        ];
        for (text, line, hint) in rows {
            let complaint = parse(&text).err().map(|complaint| complaint.to_string());
            let complaint = complaint.expect(&text);
            assert!(
                complaint.starts_with(line) && complaint.contains(hint),
                "{complaint}"
            );
        }
    }
}
