//! Big estates: as many accounts and roles as wanted, for alice alone.

use claviger_engine::admin::wanted::{Directory, DirectoryRole, DirectoryUser};
use claviger_model::{
    access::{Account, Role},
    directory::UserName,
    id::{AccountId, Malformed, RoleName, TargetName},
    time::Lifetime,
};

/// The first account's number.
const FIRST: u64 = 100_000_000_001;

/// Alice, and `roles` roles in each of `accounts` accounts, all of them hers.
pub(super) fn estate(accounts: u32, roles: u32) -> Result<Directory, Malformed> {
    let alice = UserName::parse("alice")?;
    let mut estate = Directory {
        users: vec![DirectoryUser {
            name: alice.clone(),
            display_name: "Alice Example".to_owned(),
            email: None,
        }],
        ..Directory::default()
    };
    for number in 0..accounts {
        let id = AccountId::parse(&(FIRST + u64::from(number)).to_string())?;
        estate.accounts.push(Account {
            name: format!("Account {:04}", number + 1),
            email: format!("{id}@accounts.invalid"),
            id: id.clone(),
        });
        for role in 0..roles {
            let name = RoleName::parse(&format!("Role{:03}", role + 1))?;
            estate.roles.push(DirectoryRole {
                role: Role {
                    arn: format!("arn:aws:iam::{id}:role/{name}"),
                    account_id: id.clone(),
                    name,
                    target: TargetName::default(),
                    duration: Lifetime::hours(1),
                },
                users: vec![alice.clone()],
                groups: Vec::new(),
            });
        }
    }
    Ok(estate)
}
