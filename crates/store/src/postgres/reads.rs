//! Reads: of the same text, those that wait go together.

use std::sync::Arc;

use deadpool::managed::Object;
use futures_util::future::join_all;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{
    attempts::{Attempts, too_slow},
    error::{self, Trouble},
    gather::{Gatherer, Job},
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
async fn read(connections: &Connections, jobs: Vec<Job<Query>>) {
    let deadline = jobs.iter().map(|job| job.deadline).min();
    if let (Some(deadline), [first, _, ..]) = (deadline, jobs.as_slice()) {
        let text = first.errand.sql;
        if connections.takes_many(text) {
            let queries: Vec<&Query> = jobs.iter().map(|job| &job.errand).collect();
            match fetch_once(connections, &queries, deadline).await {
                Ok(answers) => {
                    for (job, rows) in jobs.into_iter().zip(answers) {
                        job.answer(Ok(rows));
                    }
                    return;
                }
                Err(trouble) => connections.went_alone(text, trouble),
            }
        }
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
        match fetch_once(connections, &[query], deadline).await {
            Ok(rows) => return Ok(rows.into_iter().next().unwrap_or_default()),
            Err(trouble) => attempts.pause(trouble).await?,
        }
    }
}

async fn fetch_once(
    connections: &Connections,
    queries: &[&Query],
    deadline: Instant,
) -> Result<Vec<Vec<Row>>, Trouble> {
    let mut connection = connections.get(deadline).await?;
    match timeout_at(deadline, connection.fetch_each(queries)).await {
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
