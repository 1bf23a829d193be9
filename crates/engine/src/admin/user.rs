//! People: passwords and standing.

use claviger_model::{
    audit::Action,
    directory::{User, UserState, name_key},
    secret::Secret,
    session::EndReason,
    time::Timestamp,
};
use claviger_store::{
    repository::{session, user, web_session},
    statement::{Applied, Plan},
};

use crate::{
    audit,
    context::Context,
    error::{Error, Kind, Refusal},
    policy::{LONGEST_PASSWORD, SHORTEST_PASSWORD},
};

/// All people, by name.
pub async fn list(context: &Context) -> Result<Vec<User>, Error> {
    Ok(user::all(context.store.as_ref()).await?)
}

/// Sets a password and ends what the person holds, when `sign_out` says so. `Kind::NotFound` for
/// an unknown name, `Kind::InvalidRequest` for an unfit password. Answers how many sessions ended.
pub async fn set_password(
    context: &Context,
    user_name: &str,
    password: &Secret,
    sign_out: bool,
) -> Result<usize, Error> {
    let user = find(context, user_name).await?;
    let fits = password.reveal().chars().count() >= SHORTEST_PASSWORD
        && password.reveal().len() <= LONGEST_PASSWORD;
    if !fits {
        return Err(Kind::InvalidRequest
            .because("A password must have at least 8 characters and at most 1024 bytes.")
            .into());
    }
    let encoded = context.hasher.hash(password).await?;
    let now = context.now();
    let record = audit::by_operator(
        Action::UserSetPassword,
        user.name.as_str(),
        if sign_out {
            "signed out everywhere".to_owned()
        } else {
            String::new()
        },
        now,
    );
    let plan = Plan::of(user::setting_password(user.id, &encoded))
        .then(audit::recording(context, &record));
    if !sign_out {
        return match context.store.apply(plan).await? {
            Applied::Whole { .. } => Ok(0),
            Applied::Unmet { .. } => Err(meanwhile().into()),
        };
    }
    apply(context, plan.then(user::raising_epoch(user.id)), &user, now).await
}

/// Stops a person: everything they hold is dead at once. Answers how many sessions ended; nothing
/// happens to one who is stopped already.
pub async fn disable(context: &Context, user_name: &str) -> Result<usize, Error> {
    let user = find(context, user_name).await?;
    if user.state == UserState::Disabled {
        return Ok(0);
    }
    let now = context.now();
    let record = audit::by_operator(Action::UserDisable, user.name.as_str(), String::new(), now);
    let plan = Plan::of(user::setting_state(user.id, UserState::Disabled))
        .then(audit::recording(context, &record));
    apply(context, plan, &user, now).await
}

/// Lets a person in again; what they held before stays dead. Nothing happens to one who is in good
/// standing.
pub async fn enable(context: &Context, user_name: &str) -> Result<(), Error> {
    let user = find(context, user_name).await?;
    if user.state == UserState::Active {
        return Ok(());
    }
    let now = context.now();
    let record = audit::by_operator(Action::UserEnable, user.name.as_str(), String::new(), now);
    let plan = Plan::of(user::setting_state(user.id, UserState::Active))
        .then(audit::recording(context, &record));
    if context.store.apply(plan).await?.is_whole() {
        Ok(())
    } else {
        Err(meanwhile().into())
    }
}

/// The person of that name, in any spelling.
pub(crate) async fn find(context: &Context, user_name: &str) -> Result<User, Error> {
    let found = user::by_name_key(context.store.as_ref(), &name_key(user_name)).await?;
    let found = found.ok_or_else(|| {
        Kind::NotFound.because("There is no such user. `claviger admin user list` shows them all.")
    })?;
    Ok(found.user)
}

/// Applies `plan` and ends everything the person holds with it; answers how many sessions ended.
pub(crate) async fn apply(
    context: &Context,
    plan: Plan,
    user: &User,
    now: Timestamp,
) -> Result<usize, Error> {
    let plan = plan
        .then(web_session::ending_of_user(user.id, now))
        .then(session::ending_of_user(
            user.id,
            EndReason::Administrator,
            now,
        ));
    match context.store.apply(plan).await? {
        Applied::Whole { changed } => Ok(changed),
        Applied::Unmet { .. } => Err(meanwhile().into()),
    }
}

fn meanwhile() -> Refusal {
    Kind::NotFound.because(
        "The user has just been removed or altered. `claviger admin user list` shows how it stands.",
    )
}
