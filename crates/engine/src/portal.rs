//! Accounts, roles and role credentials of one person, behind an access token (AWS portal API).

use claviger_model::{
    access::Account,
    credentials::RoleCredentials,
    id::{AccountId, RoleName},
    network::Requester,
    secret::Secret,
};

use crate::{context::Context, error::Error};

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// `max_result`: 1–100, default 100; already checked for range by the decoder.
    pub max_results: Option<u32>,
    /// `next_token` of the page before.
    pub next_token: Option<String>,
}

/// One page of accounts, by account id.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Where the next page begins; absent on the last.
    pub next_token: Option<String>,
}

/// One page of role names of an account, by name.
#[derive(Clone, Debug)]
pub struct RolePage {
    /// The account asked for.
    pub account_id: AccountId,
    /// The roles.
    pub roles: Vec<RoleName>,
    /// Where the next page begins; absent on the last.
    pub next_token: Option<String>,
}

/// ListAccounts: the accounts in which the person has a role.
pub async fn accounts(
    context: &Context,
    bearer: &Secret,
    page: Page,
) -> Result<AccountPage, Error> {
    let _ = (context, bearer, page);
    todo!()
}

/// ListAccountRoles: the person's roles in one account.
pub async fn roles(
    context: &Context,
    bearer: &Secret,
    account_id: &str,
    page: Page,
) -> Result<RolePage, Error> {
    let _ = (context, bearer, account_id, page);
    todo!()
}

/// GetRoleCredentials: credentials of a role that the person has at this moment (I9).
pub async fn role_credentials(
    context: &Context,
    requester: &Requester,
    bearer: &Secret,
    account_id: &str,
    role_name: &str,
) -> Result<RoleCredentials, Error> {
    let _ = (context, requester, bearer, account_id, role_name);
    todo!()
}

/// Logout: ends the session behind the token.
pub async fn logout(
    context: &Context,
    requester: &Requester,
    bearer: &Secret,
) -> Result<(), Error> {
    let _ = (context, requester, bearer);
    todo!()
}
