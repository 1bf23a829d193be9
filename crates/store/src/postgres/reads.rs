//! Reads: of the same text, those that wait go together.

use std::sync::Arc;

use deadpool::managed::Object;
use futures_util::future::join_all;
use tokio::{
    runtime::Handle,
    time::{Instant, error::Elapsed, timeout_at},
};
use tokio_postgres::Error as PostgresError;

use super::{
    attempts::{Attempts, too_slow},
    error::{self, Trouble},
    gather::{Gatherer, Job, earliest, settle},
    opener::Opener,
    pool::Connections,
};
use crate::{error::Error, statement::Query, value::Row};

/// Where reads gather.
pub(super) fn gather(runtime: &Handle, connections: &Arc<Connections>) -> Gatherer<Query> {
    let connections = Arc::clone(connections);
    Gatherer::new(runtime, move |jobs| {
        let connections = Arc::clone(&connections);
        Box::pin(async move { read(&connections, jobs).await })
    })
}

/// Reads of one text, together or each by itself.
async fn read(connections: &Connections, mut jobs: Vec<Job<Query>>) {
    if jobs.len() > 1 {
        let outcome = fetch_together(connections, &jobs).await;
        jobs = settle(jobs, outcome);
    }
    let alone = jobs.into_iter().map(async |job| {
        let rows = fetch(connections, &job.errand, job.deadline).await;
        job.answer(rows);
    });
    join_all(alone).await;
}

/// One read, as often as it takes.
pub(super) async fn fetch(
    connections: &Connections,
    query: &Query,
    deadline: Instant,
) -> Result<Vec<Row>, Error> {
    let mut attempts = Attempts::until(deadline);
    loop {
        match fetch_once(connections, query, deadline).await {
            Ok(rows) => return Ok(rows),
            Err(trouble) => attempts.pause(trouble).await?,
        }
    }
}

async fn fetch_once(
    connections: &Connections,
    query: &Query,
    deadline: Instant,
) -> Result<Vec<Row>, Trouble> {
    let mut connection = connections.get(deadline).await?;
    let fetched = timeout_at(deadline, connection.fetch(query)).await;
    judge(connection, fetched)
}

async fn fetch_together(
    connections: &Connections,
    jobs: &[Job<Query>],
) -> Result<Option<Vec<Vec<Row>>>, Trouble> {
    let queries: Vec<&Query> = jobs.iter().map(|job| &job.errand).collect();
    let deadline = earliest(jobs);
    let mut connection = connections.get(deadline).await?;
    let fetched = timeout_at(deadline, connection.fetch_many(&queries)).await;
    judge(connection, fetched)
}

/// What came of an attempt. What has not answered in time, or says that it goes, is closed.
fn judge<T>(
    connection: Object<Opener>,
    fetched: Result<Result<T, PostgresError>, Elapsed>,
) -> Result<T, Trouble> {
    match fetched {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(failed)) => {
            if error::is_leaving(&failed) {
                drop(Object::take(connection));
            }
            Err(error::judge(&failed))
        }
        Err(_) => {
            drop(Object::take(connection));
            Err(Trouble::Final(too_slow()))
        }
    }
}
