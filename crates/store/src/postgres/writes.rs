//! Writes: a plan goes alone, or with those that waited beside it.
//!
//! While one commit is under way, plans of one statement gather; the next statement says all of the same text, so that a
//! hundred wait for the disk and the standby once. Where that is refused, nothing of it is kept, and each plan goes alone.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    slice::from_ref,
    sync::Arc,
};

use deadpool::managed::Object;
use futures_util::stream::{self, StreamExt as _};
use tokio::{
    runtime::Handle,
    time::{Instant, error::Elapsed, timeout_at},
};

use super::{
    applying::Failure,
    attempts::{Attempts, too_slow},
    error::{self, Trouble},
    gather::{Gatherer, Job, earliest, settle},
    opener::Opener,
    pool::Connections,
};
use crate::{
    error::Error,
    statement::{Applied, Plan, Rows, Statement},
};

/// How many of a go that is refused go by themselves at one time.
const AT_ONCE: usize = 4;

/// Where plans of one statement gather.
pub(super) fn gather(runtime: &Handle, connections: &Arc<Connections>) -> Gatherer<Statement> {
    let connections = Arc::clone(connections);
    Gatherer::new(runtime, move |jobs| {
        let connections = Arc::clone(&connections);
        Box::pin(async move { write(&connections, jobs).await })
    })
}

/// The only statement of a plan that may go together with others: one that changes one row.
pub(super) fn only(plan: Plan) -> Result<Statement, Plan> {
    match <[Statement; 1]>::try_from(plan.0) {
        Ok([only]) if only.must_change == Rows::Exactly(1) && only.sql.starts_with("UPDATE ") => {
            Ok(only)
        }
        Ok(only) => Err(Plan(only.into())),
        Err(several) => Err(Plan(several)),
    }
}

/// Writes of one text, together or each by itself.
async fn write(connections: &Connections, jobs: Vec<Job<Statement>>) {
    // In the order of their keys: nodes whose statements have rows in common wait for one another, and not each
    // for the other. One statement touches a row once: what is said of the same row again goes by itself.
    let (mut firsts, mut others) = (BTreeMap::new(), Vec::new());
    for job in jobs {
        match firsts.entry(job.errand.parameters.first().cloned()) {
            Entry::Vacant(place) => {
                place.insert(job);
            }
            Entry::Occupied(_) => others.push(job),
        }
    }
    let mut jobs: Vec<_> = firsts.into_values().collect();
    if jobs.len() > 1 {
        let outcome = apply_together(connections, &jobs).await;
        let is_done = outcome.is_ok();
        jobs = settle(jobs, outcome);
        if jobs.is_empty() {
            connections.condition.has_written(is_done);
        }
    }
    // Rows that others hold must not take every connection.
    let alone = stream::iter(jobs.into_iter().chain(others));
    let alone = alone.for_each_concurrent(AT_ONCE, async |job| {
        let applied = apply(connections, from_ref(&job.errand), job.deadline).await;
        job.answer(applied);
    });
    alone.await;
}

/// One plan, as often as it takes.
pub(super) async fn apply(
    connections: &Connections,
    plan: &[Statement],
    deadline: Instant,
) -> Result<Applied, Error> {
    let mut attempts = Attempts::until(deadline);
    loop {
        let trouble = match apply_once(connections, plan, deadline).await {
            Ok(applied) => {
                connections.condition.has_written(true);
                return Ok(applied);
            }
            Err(trouble) => trouble,
        };
        if let Err(gave_up) = attempts.pause(trouble).await {
            connections.condition.has_written(false);
            return Err(gave_up);
        }
    }
}

async fn apply_once(
    connections: &Connections,
    plan: &[Statement],
    deadline: Instant,
) -> Result<Applied, Trouble> {
    let mut connection = connections.get(deadline).await?;
    let tried = timeout_at(deadline, connection.apply(plan)).await;
    judge(connection, tried)
}

async fn apply_together(
    connections: &Connections,
    jobs: &[Job<Statement>],
) -> Result<Option<Vec<Applied>>, Trouble> {
    let statements: Vec<&Statement> = jobs.iter().map(|job| &job.errand).collect();
    let deadline = earliest(jobs);
    let mut connection = connections.get(deadline).await?;
    let tried = timeout_at(deadline, connection.apply_together(&statements)).await;
    judge(connection, tried)
}

/// What came of an attempt. A connection that was not answered with a plain no is closed: whatever state it is in, nobody
/// else is to find it so.
fn judge<T>(
    connection: Object<Opener>,
    tried: Result<Result<T, Failure>, Elapsed>,
) -> Result<T, Trouble> {
    let failure = match tried {
        Ok(Ok(applied)) => return Ok(applied),
        Ok(Err(failure)) => Some(failure),
        Err(_) => None,
    };
    let is_no = |failed| error::is_answer(failed) && !error::is_leaving(failed);
    if let Some(Failure::Open(failed)) = &failure
        && is_no(failed)
    {
        return Err(error::judge(failed));
    }
    let is_open = connection.is_open;
    drop(Object::take(connection));
    let unknown = |why: String| Err(Trouble::Final(Error::Unknown(why)));
    match failure {
        Some(Failure::Malformed(why)) => Err(Trouble::Final(Error::Statement(why))),
        Some(Failure::Before(failed)) => Err(error::judge(&failed)),
        Some(Failure::Open(failed)) => unknown(error::text(&failed)),
        Some(Failure::Warned) => unknown("the standby did not confirm it".to_owned()),
        None if is_open => unknown("PostgreSQL did not answer in time".to_owned()),
        None => Err(Trouble::Final(too_slow())),
    }
}
