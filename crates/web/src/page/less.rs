//! Giving a program less than it asks for: one account, or one role of it; for a while; within a policy.

use claviger_engine::{
    context::Context,
    error::{Error, Kind},
    person,
    web_session::SignedIn,
};
use claviger_model::{
    scope::{ACCOUNT_ACCESS, Confinement, ScopeSet},
    time::Lifetime,
};

use claviger_wire::query::Parameters;

use super::{error::Stop, words::span};

/// More would make a list that nobody reads; whoever has more asks for less by scopes.
const MOST: usize = 300;

/// The spans that are offered, in minutes.
const MINUTES: [u32; 4] = [15, 60, 240, 480];

/// The lists that an approval carries. Each sends a scope, or nothing for no limit.
const FIELDS: [&str; 3] = ["only", "minutes", "policy"];

/// One thing to choose: what is sent, and what it says.
type Choice = (String, String);

/// What the person can choose from.
#[derive(Default)]
pub(crate) struct Choices {
    /// Where the program asks for everything; empty for whoever has too much to choose from.
    pub(crate) accounts: Vec<AccountChoice>,
    /// How long it may last: shorter spans than it would.
    pub(crate) minutes: Vec<Choice>,
    /// Session policies of the operator's.
    pub(crate) policies: Vec<Choice>,
}

/// One account and what of it can be given.
pub(crate) struct AccountChoice {
    pub(crate) name: String,
    /// All roles of it.
    pub(crate) whole: String,
    /// One of them.
    pub(crate) roles: Vec<Choice>,
}

/// What can be given less of what a program asks for; nothing of what opens nothing.
pub(crate) async fn choices(
    context: &Context,
    signed_in: &SignedIn,
    scopes: &ScopeSet,
) -> Result<Choices, Error> {
    if !scopes.can_be_lessened() {
        return Ok(Choices::default());
    }
    let lasts = [Some(context.policy.session_lifetime), scopes.longest()];
    let lasts = lasts.into_iter().flatten().min();
    let shorter = |minutes: &u32| lasts.is_none_or(|lasts| Lifetime::minutes(*minutes) < lasts);
    let minutes = MINUTES.into_iter().filter(shorter).map(|minutes| {
        let long = span(i64::from(minutes) * 60);
        (format!("sso:minutes:{minutes}"), long)
    });
    let free = scopes.session_policy().is_none();
    let names = context.policy.session_policies.keys().filter(|_| free);
    Ok(Choices {
        accounts: accounts(context, signed_in, scopes).await?,
        minutes: minutes.collect(),
        policies: names
            .map(|name| (format!("sso:policy:{name}"), name.clone()))
            .collect(),
    })
}

async fn accounts(
    context: &Context,
    signed_in: &SignedIn,
    scopes: &ScopeSet,
) -> Result<Vec<AccountChoice>, Error> {
    if !scopes.contains(ACCOUNT_ACCESS) {
        return Ok(Vec::new());
    }
    let accounts = person::accounts(context, signed_in).await?;
    if accounts.iter().map(|(_, roles)| roles.len()).sum::<usize>() > MOST {
        return Ok(Vec::new());
    }
    let choices = accounts.into_iter().map(|(account, roles)| {
        let only = |role| Confinement {
            account_id: account.id.clone(),
            role,
        };
        let roles = roles.into_iter().filter_map(|role| {
            let value = only(Some(role.name.clone())).to_string();
            // Some names cannot be spelled in a scope.
            Confinement::parse(&value)?;
            Some((value, role.name.to_string()))
        });
        AccountChoice {
            whole: only(None).to_string(),
            roles: roles.collect(),
            name: format!("{} ({})", account.name, account.id),
        }
    });
    Ok(choices.collect())
}

/// What was chosen, as scopes; none for everything.
pub(crate) fn chosen(form: &Parameters) -> Result<ScopeSet, Stop> {
    let chosen = FIELDS.into_iter().filter_map(|field| form.get(field));
    ScopeSet::parse(chosen.filter(|scope| !scope.is_empty())).map_err(|why| {
        let because = "That is no choice of the lists. Open the page anew.";
        Kind::InvalidRequest
            .because(because)
            .detail(why.to_string())
            .into()
    })
}
