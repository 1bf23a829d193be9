//! Giving a program less than it asks for: one account, or one role of it.

use claviger_engine::{
    context::Context,
    error::{Error, Kind},
    person,
    web_session::SignedIn,
};
use claviger_model::scope::{ACCOUNT_ACCESS, Confinement, ScopeSet};

use super::error::Stop;

/// More would make a list that nobody reads; whoever has more asks for less by scopes.
const MOST: usize = 300;

/// One account and what of it can be given.
pub(crate) struct Choices {
    pub(crate) account: String,
    /// All roles of it.
    pub(crate) whole: String,
    /// One of them: what is sent, and its name.
    pub(crate) roles: Vec<(String, String)>,
}

/// What the person can choose from; nothing where the program does not ask for everything.
pub(crate) async fn choices(
    context: &Context,
    signed_in: &SignedIn,
    scopes: &ScopeSet,
) -> Result<Vec<Choices>, Error> {
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
        Choices {
            whole: only(None).to_string(),
            roles: roles.collect(),
            account: format!("{} ({})", account.name, account.id),
        }
    });
    Ok(choices.collect())
}

/// What was chosen; everything for an empty choice.
pub(crate) fn chosen(only: Option<&str>) -> Result<Option<Confinement>, Stop> {
    match only.unwrap_or_default() {
        "" => Ok(None),
        value => Confinement::parse(value).map(Some).ok_or_else(|| {
            let because = "That is no account or role of the list. Open the page anew.";
            Kind::InvalidRequest.because(because).into()
        }),
    }
}
