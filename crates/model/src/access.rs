//! Accounts and roles: what people may draw credentials for.

use crate::{
    id::{AccountId, RoleName, TargetName},
    time::Lifetime,
};

/// An account as the portal lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// Its contact address; clients expect the member to be there (WIRE §5.1).
    pub email: String,
}

/// A role of one account: which target vends it, under which ARN, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The account it belongs to.
    pub account_id: AccountId,
    /// Its name in the portal.
    pub name: RoleName,
    /// The configured target that vends its credentials.
    pub target: TargetName,
    /// What the target is asked for.
    pub arn: String,
    /// How long credentials live: 15 min to 12 h.
    pub duration: Lifetime,
}
