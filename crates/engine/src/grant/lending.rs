//! A user whose assignments the operator lends to a program: a workload, or an application in its own name.

use claviger_model::{
    directory::{User, UserName, UserState},
    scope::ScopeSet,
};
use claviger_store::repository::user as users;

use super::{request::Issued, step::Step};
use crate::{context::Context, error::Error, session::Beginning};

/// The user whose assignments an operator lends to a program, if there is one who may have them.
pub(super) async fn user(context: &Context, name: &UserName) -> Result<Option<User>, Error> {
    let found = users::by_name_key(context.store.as_ref(), &name.key()).await?;
    let user = found.map(|found| found.user);
    Ok(user.filter(|user| user.state == UserState::Active))
}

/// Begins a session of a program with the assignments of `user`. It cannot be refreshed: the program asks again as long
/// as it may.
pub(super) async fn begin(
    step: &Step<'_>,
    user: &User,
    beginning: Beginning,
    scopes: ScopeSet,
) -> Result<Issued, Error> {
    let beginning = Beginning {
        longest: Some(step.context.policy.access_token_lifetime),
        ..beginning
    };
    let issued = step.begin(user, beginning, scopes).await?;
    Ok(Issued {
        refresh_token: None,
        ..issued
    })
}
