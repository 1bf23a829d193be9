//! Accounts, roles and role credentials of one person, behind an access token (AWS portal API).

use claviger_model::{
    access::{Account, Role},
    audit::Action,
    credentials::{CredentialRequest, RoleCredentials},
    directory::User,
    id::{AccountId, RoleName},
    network::Requester,
    scope::Reach,
    secret::Secret,
    session::{EndReason, Session},
    time::{Lifetime, Timestamp},
};
use claviger_store::{repository::access, statement::Plan};

use crate::{
    audit, bearer, confinement,
    context::Context,
    error::{Error, Kind, Refusal},
    session,
    token::page,
};

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

const PAGE_SIZE: u32 = 100;
const PAGE_TOKEN_LIFETIME: Lifetime = Lifetime::hours(1);

/// A live session behind a bearer token, with its person.
struct Holding {
    session: Session,
    user: User,
    reach: Reach,
}

async fn believe(context: &Context, bearer: &Secret, now: Timestamp) -> Result<Holding, Error> {
    let bearer = bearer::believe(context, bearer, now).await?;
    let bearer = bearer.ok_or_else(unauthorized)?;
    bearer::mark_used(context, &bearer).await;
    Ok(Holding {
        reach: bearer.scopes().reach(),
        session: bearer.session,
        user: bearer.user,
    })
}

async fn open(context: &Context, bearer: &Secret, now: Timestamp) -> Result<Holding, Error> {
    let holding = believe(context, bearer, now).await?;
    match holding.reach {
        Reach::Nothing => Err(no_access().into()),
        Reach::Everything | Reach::Within(_) => Ok(holding),
    }
}

/// ListAccounts: the accounts in which the person has a role.
pub async fn accounts(
    context: &Context,
    bearer: &Secret,
    page: Page,
) -> Result<AccountPage, Error> {
    let now = context.now();
    let holding = open(context, bearer, now).await?;
    let list = List {
        context,
        user: &holding.user,
        name: "accounts",
        now,
    };
    let (after, size) = list.begin(&page)?;
    let store = context.store.as_ref();
    let user_id = holding.user.id;
    let mut accounts = match &holding.reach {
        Reach::Within(within) => {
            confinement::accounts(store, user_id, within, &after, size + 1).await?
        }
        _ => access::accounts_of(store, user_id, &after, size + 1).await?,
    };
    let next_token = list.end(&mut accounts, size, |account| account.id.as_str());
    Ok(AccountPage {
        accounts,
        next_token,
    })
}

/// ListAccountRoles: the person's roles in one account. One without any is unknown to them.
pub async fn roles(
    context: &Context,
    bearer: &Secret,
    account_id: &str,
    page: Page,
) -> Result<RolePage, Error> {
    let now = context.now();
    let holding = open(context, bearer, now).await?;
    let account_id = parse_account(account_id)?;
    let name = format!("roles/{account_id}");
    let list = List {
        context,
        user: &holding.user,
        name: &name,
        now,
    };
    let (after, size) = list.begin(&page)?;
    let store = context.store.as_ref();
    let user_id = holding.user.id;
    let mut roles = match &holding.reach {
        Reach::Within(within) => {
            confinement::roles(store, user_id, within, &account_id, &after, size + 1).await?
        }
        _ => access::roles_of(store, user_id, &account_id, &after, size + 1).await?,
    };
    if roles.is_empty() && page.next_token.is_none() {
        return Err(no_access().into());
    }
    let next_token = list.end(&mut roles, size, |role| role.name.as_str());
    Ok(RolePage {
        account_id,
        roles: roles.into_iter().map(|role| role.name).collect(),
        next_token,
    })
}

/// One paged list of one person.
struct List<'a> {
    context: &'a Context,
    user: &'a User,
    name: &'a str,
    now: Timestamp,
}

impl List<'_> {
    /// The key to resume after and the size of the page.
    fn begin(&self, page: &Page) -> Result<(String, u32), Refusal> {
        let after = match &page.next_token {
            None => String::new(),
            Some(token) => page::read(&self.context.keys, self.user.id, self.name, self.now, token)
                .ok_or_else(|| {
                    Kind::InvalidRequest.because("next_token is not valid. List from the start.")
                })?,
        };
        Ok((
            after,
            page.max_results.unwrap_or(PAGE_SIZE).clamp(1, PAGE_SIZE),
        ))
    }

    /// Cuts `items`, fetched one over the size, and makes the token of the next page.
    fn end<T>(&self, items: &mut Vec<T>, size: u32, key: impl Fn(&T) -> &str) -> Option<String> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if items.len() <= size {
            return None;
        }
        items.truncate(size);
        let expires_at = self.now.plus(PAGE_TOKEN_LIFETIME);
        let keys = self.context.keys.active();
        items
            .last()
            .map(|last| page::mint(&keys, self.user.id, self.name, key(last), expires_at))
    }
}

/// GetRoleCredentials: credentials of a role that the person has at this moment (I9).
pub async fn role_credentials(
    context: &Context,
    requester: &Requester,
    bearer: &Secret,
    account_id: &str,
    role_name: &str,
) -> Result<RoleCredentials, Error> {
    let now = context.now();
    let Holding {
        session,
        user,
        reach,
    } = open(context, bearer, now).await?;
    let holder = Holder {
        user: &user,
        reach: &reach,
        session_id: session.id,
        session_ends: session.absolute_expires_at,
        // Of the session, not of the token: a refresh that asks for less would be rid of it.
        session_policy: session.scopes.session_policy(),
        client: Some(&session.client_name),
    };
    vend(context, requester, &holder, account_id, role_name, now).await
}

/// Who will hold credentials, and under which session.
pub(crate) struct Holder<'a> {
    pub(crate) user: &'a User,
    pub(crate) reach: &'a Reach,
    pub(crate) session_id: claviger_model::id::SessionId,
    pub(crate) session_ends: Timestamp,
    pub(crate) session_policy: Option<&'a str>,
    pub(crate) client: Option<&'a str>,
}

/// Vends credentials of an assigned role. They leave only after their audit record is durable
/// (ADM-08).
pub(crate) async fn vend(
    context: &Context,
    requester: &Requester,
    holder: &Holder<'_>,
    account_id: &str,
    role_name: &str,
    now: Timestamp,
) -> Result<RoleCredentials, Error> {
    let account_id = parse_account(account_id)?;
    let role_name = parse_role(role_name)?;
    let store = context.store.as_ref();
    let role = access::role_of(store, holder.user.id, &account_id, &role_name).await?;
    let role = role
        .filter(|role| holder.reach.admits(&role.account_id, &role.name))
        .ok_or_else(no_access)?;
    let policy_arn = match holder.session_policy {
        None => None,
        // One that the operator has taken away limits to nothing.
        Some(name) => Some(
            context
                .policy
                .session_policies
                .get(name)
                .ok_or_else(no_access)?
                .clone(),
        ),
    };
    let request = CredentialRequest {
        policy_arn,
        duration: duration(context, &role, holder, now),
        target: role.target,
        account_id: role.account_id,
        role_name: role.name,
        role_arn: role.arn,
        user_id: holder.user.id,
        user_name: holder.user.name.as_str().to_owned(),
        session_id: holder.session_id,
    };
    let credentials = context.credentials.issue(&request).await?;
    let mut record = audit::by_person(Action::CredentialsIssue, holder.user, requester, now);
    record.subject = format!("{}/{}", request.account_id, request.role_name);
    record.session_id = Some(holder.session_id);
    record.client = holder.client.map(ToOwned::to_owned);
    record.detail = format!("access key {}", credentials.access_key_id);
    store
        .apply(Plan::of(audit::recording(context, &record)))
        .await?;
    Ok(credentials)
}

/// The role's own duration, or what is left of the session but never under 15 min (POR-16).
fn duration(context: &Context, role: &Role, holder: &Holder<'_>, now: Timestamp) -> Lifetime {
    if !context.policy.cap_credentials_to_session {
        return role.duration;
    }
    role.duration.min(
        holder
            .session_ends
            .remaining(now)
            .max(Lifetime::minutes(15)),
    )
}

/// Logout: ends the session behind the token.
pub async fn logout(
    context: &Context,
    requester: &Requester,
    bearer: &Secret,
) -> Result<(), Error> {
    let now = context.now();
    let Holding { session, user, .. } = believe(context, bearer, now).await?;
    if session::end(context, requester, &user, &session, EndReason::Logout, now).await? {
        Ok(())
    } else {
        Err(unauthorized().into())
    }
}

fn parse_account(text: &str) -> Result<AccountId, Refusal> {
    AccountId::parse(text).map_err(|error| {
        Kind::InvalidRequest
            .because("account_id must be exactly 12 digits.")
            .detail(error.to_string())
    })
}

fn parse_role(text: &str) -> Result<RoleName, Refusal> {
    if text.is_empty() || RoleName::breaks_out(text) {
        return Err(Kind::InvalidRequest.because("role_name is not the name of a role."));
    }
    RoleName::parse(text).map_err(|error| no_access().detail(error.to_string()))
}

/// Exactly these words: clients add their hint to log in by them (WIRE §5.2).
fn unauthorized() -> Refusal {
    Kind::InvalidToken.because("Session token not found or invalid")
}

/// Unknown, unassigned and forbidden are one answer (POR-01).
fn no_access() -> Refusal {
    Kind::AccessDenied.because("No access")
}
