//! What is asked while something like it is under way gathers, and goes together with what has gathered.
//!
//! Alone, nobody waits for company: whoever comes when nothing is under way goes at once.

use std::{pin::Pin, time::Duration};

use futures_util::future::join_all;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::{Instant, timeout},
};

use crate::{
    error::Error,
    statement::{Applied, Query, Statement},
    value::Row,
};

/// What may go together with others of the same text.
pub(super) trait Errand: Send + 'static {
    /// What comes back.
    type Answer: Send;

    /// What those that go together have in common.
    fn text(&self) -> &'static str;
}

impl Errand for Query {
    type Answer = Vec<Row>;

    fn text(&self) -> &'static str {
        self.sql
    }
}

impl Errand for Statement {
    type Answer = Applied;

    fn text(&self) -> &'static str {
        self.sql
    }
}

/// An errand on its way, and whom to answer.
pub(super) struct Job<E: Errand> {
    pub(super) errand: E,
    pub(super) deadline: Instant,
    answer: oneshot::Sender<Result<E::Answer, Error>>,
}

impl<E: Errand> Job<E> {
    /// Whoever has hung up has learned nothing; what was done stands.
    pub(super) fn answer(self, answer: Result<E::Answer, Error>) {
        let _ = self.answer.send(answer);
    }
}

/// Errands in one go at most.
const TOGETHER: usize = 256;

/// How long a go keeps the next one waiting: one that waits for a row is not waited for by others.
const TURN: Duration = Duration::from_millis(50);

/// Errands that may wait; more are refused, and nothing is lost.
const QUEUE: usize = 4096;

/// Errands of the same text that are being run and answered.
pub(super) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where errands gather.
pub(super) struct Gatherer<E: Errand> {
    jobs: mpsc::Sender<Job<E>>,
}

impl<E: Errand> Gatherer<E> {
    /// Ends with the last sender, and so with the store.
    pub(super) fn new(
        runtime: &Handle,
        run: impl Fn(Vec<Job<E>>) -> Running + Send + Sync + 'static,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        runtime.spawn(keep_going(queue, run));
        Self { jobs }
    }

    /// Runs an errand, in whatever company.
    pub(super) async fn run(&self, errand: E, deadline: Instant) -> Result<E::Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            errand,
            deadline,
            answer,
        };
        self.jobs.try_send(job).map_err(|error| {
            Error::Unavailable(match error {
                TrySendError::Full(_) => "too much is waiting for PostgreSQL".to_owned(),
                TrySendError::Closed(_) => "the store is closed".to_owned(),
            })
        })?;
        let answer = answered.await;
        // Whoever takes an errand and stops without a word leaves open what came of it.
        answer.unwrap_or_else(|_| Err(Error::Unknown("the store was closed".to_owned())))
    }
}

/// Takes what has gathered, again and again.
async fn keep_going<E: Errand>(
    mut queue: mpsc::Receiver<Job<E>>,
    run: impl Fn(Vec<Job<E>>) -> Running,
) {
    loop {
        let mut jobs = Vec::new();
        if queue.recv_many(&mut jobs, TOGETHER).await == 0 {
            return;
        }
        // Whoever stopped waiting wants it undone (F03).
        jobs.retain(|job| !job.answer.is_closed());
        jobs.sort_by_key(|job| job.errand.text());
        let mut going = Vec::new();
        while let Some(first) = jobs.first() {
            let text = first.errand.text();
            let same = jobs.partition_point(|job| job.errand.text() <= text);
            going.push(run(jobs.drain(..same).collect()));
        }
        let going = tokio::spawn(join_all(going));
        let _ = timeout(TURN, going).await;
    }
}
