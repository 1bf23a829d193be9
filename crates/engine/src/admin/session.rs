//! Sessions as the operator sees them.

use claviger_model::{
    audit::Action,
    directory::UserName,
    id::{SessionId, UserId},
    session::{EndReason, Session},
};
use claviger_store::{
    repository::{rollback, session, user, web_session},
    statement::{Applied, Plan},
};

use super::user::{apply, find};
use crate::{
    audit,
    context::Context,
    error::{Error, Kind},
};

/// How many sessions a listing shows at most.
const LISTED: u32 = 1000;

/// People and sessions whose rows are marked at once.
const AT_ONCE: u32 = 2_000;

/// Live sessions with their person's name, newest first, at most 1,000; of one person when named.
pub async fn list(
    context: &Context,
    user_name: Option<&str>,
) -> Result<Vec<(UserName, Session)>, Error> {
    let now = context.now();
    let store = context.store.as_ref();
    let Some(user_name) = user_name else {
        return Ok(session::live(store, now, LISTED).await?);
    };
    let user = find(context, user_name).await?;
    let live = session::live_of_user(store, user.id, now).await?;
    Ok(live
        .into_iter()
        .map(|session| (user.name.clone(), session))
        .collect())
}

/// Ends one session; `Kind::NotFound` when there is none live of that id.
pub async fn end(context: &Context, session_id: SessionId) -> Result<(), Error> {
    let now = context.now();
    let mut record = audit::by_operator(
        Action::SessionEnd,
        &session_id.to_string(),
        String::new(),
        now,
    );
    record.session_id = Some(session_id);
    let plan = Plan::of(session::ending(session_id, EndReason::Administrator, now))
        .then(audit::recording(context, &record));
    if !context.store.apply(plan).await?.is_whole() {
        return Err(Kind::NotFound
            .because(
                "There is no live session of that id. `claviger admin sessions list` shows them.",
            )
            .into());
    }
    context.credentials.forget(session_id);
    Ok(())
}

/// Ends everything a person holds, browser sign-ins too; answers how many sessions ended.
pub async fn end_all(context: &Context, user_name: &str) -> Result<usize, Error> {
    let user = find(context, user_name).await?;
    let now = context.now();
    let record = audit::by_operator(
        Action::SessionEnd,
        user.name.as_str(),
        "all sessions".into(),
        now,
    );
    let plan = Plan::of(user::raising_epoch(user.id)).then(audit::recording(context, &record));
    apply(context, plan, &user, now).await
}

/// Ends everything that anybody holds, browser sign-ins and approvals not yet redeemed too: for after a restore, when what was
/// revoked since the backup would be good again (F30). Answers how many sessions ended.
pub async fn end_everyone(context: &Context) -> Result<usize, Error> {
    let now = context.now();
    let detail = "all sessions of everybody".to_owned();
    let record = audit::by_operator(Action::SessionEnd, "everybody", detail, now);
    let store = context.store.as_ref();
    let (mut after, last) = ([0; 16], [0xff; 16]);
    // People's epochs void all that they hold; the rows of sessions follow. All in batches: however many there are,
    // no transaction is too large for its deadline.
    let mut record = Some(audit::recording(context, &record));
    while after != last {
        let from = UserId::from_bytes(after);
        let further = user::further(store, from, AT_ONCE).await?;
        let through = further.unwrap_or(UserId::from_bytes(last));
        let mut plan = Plan::of(user::raising_epochs_between(from, through));
        if let Some(record) = record.take() {
            plan = plan.then(record);
        }
        store.apply(plan).await?;
        after = *through.as_bytes();
    }
    // Nothing that was revoked before the store went back is good any more.
    let plan = Plan::of(web_session::ending_all(now)).then(rollback::accepting());
    store.apply(plan).await?;
    let mut after = [0; 16];
    let mut ended = 0;
    while after != last {
        let from = SessionId::from_bytes(after);
        let further = session::further(store, from, AT_ONCE).await?;
        let through = further.unwrap_or(SessionId::from_bytes(last));
        let reason = EndReason::Administrator;
        let ending = session::ending_between(from, through, reason, now);
        if let Applied::Whole { changed } = store.apply(Plan::of(ending)).await? {
            ended += changed;
        }
        after = *through.as_bytes();
    }
    Ok(ended)
}
