//! What a confined token reaches of a person's accounts (POR-09): at most as many accounts and roles as
//! it has scopes, each looked up by itself.

use claviger_model::{
    access::{Account, Role},
    id::{AccountId, RoleName, UserId},
    scope::{Confinement, Reach, ScopeRefused, ScopeSet},
};
use claviger_store::{driver::Driver, repository::access};

use crate::{
    client::register::check_policy,
    context::Context,
    error::{Error, Kind, Refusal},
    web_session::SignedIn,
};

/// What a program gets that asked for scopes and is given `less` of them, all of them for none.
pub(crate) fn given(
    context: &Context,
    asked: &ScopeSet,
    less: &ScopeSet,
) -> Result<ScopeSet, Refusal> {
    check_policy(context, less)?;
    let refused = |why: ScopeRefused| {
        Kind::InvalidRequest
            .because(
                "That is not less of what this program asks for. Choose from the lists of the page, \
                 or name sso:account:ID, sso:account:ID:ROLE, sso:minutes:N or sso:policy:NAME.",
            )
            .detail(why.to_string())
    };
    asked.give(less).map_err(refused)
}

/// The accounts after `after` in which the person has something of what is within reach.
pub(crate) async fn accounts(
    store: &dyn Driver,
    user_id: UserId,
    within: &[Confinement],
    after: &str,
    limit: u32,
) -> Result<Vec<Account>, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut ids: Vec<&AccountId> = within.iter().map(|own| &own.account_id).collect();
    ids.dedup();
    let mut accounts = Vec::new();
    for id in ids.into_iter().filter(|id| id.as_str() > after) {
        if accounts.len() == limit {
            break;
        }
        if !roles(store, user_id, within, id, "", 1).await?.is_empty() {
            accounts.extend(access::account_of_id(store, id).await?);
        }
    }
    Ok(accounts)
}

/// The person's roles in one account, after `after`, of those within reach.
pub(crate) async fn roles(
    store: &dyn Driver,
    user_id: UserId,
    within: &[Confinement],
    account_id: &AccountId,
    after: &str,
    limit: u32,
) -> Result<Vec<Role>, Error> {
    let here = || within.iter().filter(|own| own.account_id == *account_id);
    if here().any(|own| own.role.is_none()) {
        return Ok(access::roles_of(store, user_id, account_id, after, limit).await?);
    }
    let mut roles = Vec::new();
    let names = here().filter_map(|own| own.role.as_ref());
    for name in names.filter(|name| name.as_str() > after) {
        if roles.len() == usize::try_from(limit).unwrap_or(usize::MAX) {
            break;
        }
        roles.extend(access::role_of(store, user_id, account_id, name).await?);
    }
    Ok(roles)
}

/// A confinement as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The account.
    pub account_id: AccountId,
    /// What it is called, if the person has any of this.
    pub account_name: Option<String>,
    /// The only role.
    pub role: Option<RoleName>,
}

/// What scopes confine a program to; nothing for those that confine to nothing.
pub async fn shown(
    context: &Context,
    signed_in: &SignedIn,
    scopes: &ScopeSet,
) -> Result<Vec<Shown>, Error> {
    let Reach::Within(within) = scopes.reach() else {
        return Ok(Vec::new());
    };
    let store = context.store.as_ref();
    let mut shown = Vec::new();
    for own in within {
        let alone = std::slice::from_ref(&own);
        let account = accounts(store, signed_in.user.id, alone, "", 1)
            .await?
            .pop();
        shown.push(Shown {
            account_name: account.map(|account| account.name),
            account_id: own.account_id,
            role: own.role,
        });
    }
    Ok(shown)
}
