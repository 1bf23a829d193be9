//! What is asked while something like it is under way gathers, and goes together with what has gathered.
//!
//! Alone, nobody waits for company: whoever comes when nothing is under way goes at once.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use super::{attempts::too_slow, error::Trouble};
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

/// Answers jobs by what came of them together; gives back those that must go each by itself.
pub(super) fn settle<E: Errand>(
    jobs: Vec<Job<E>>,
    outcome: Result<Option<Vec<E::Answer>>, Trouble>,
) -> Vec<Job<E>> {
    match outcome {
        Ok(Some(answers)) => {
            for (job, answer) in jobs.into_iter().zip(answers) {
                job.answer(Ok(answer));
            }
        }
        // It is so for all: a server that is not there, or a change that may be kept.
        Err(Trouble::Final(error @ (Error::Unknown(_) | Error::Unavailable(_)))) => {
            for job in jobs {
                job.answer(Err(error.clone()));
            }
        }
        Ok(None) | Err(_) => return jobs,
    }
    Vec::new()
}

/// When the first of them is given up.
pub(super) fn earliest<E: Errand>(jobs: &[Job<E>]) -> Instant {
    let deadlines = jobs.iter().map(|job| job.deadline);
    deadlines.min().unwrap_or_else(Instant::now)
}

/// Errands in one go at most.
const TOGETHER: usize = 256;

/// How long a go keeps the next one waiting: one that waits for a row is not waited for by others.
const TURN: Duration = Duration::from_millis(50);

/// Errands of one text that may wait; more are refused, and nothing is lost.
const QUEUE: usize = 4096;

/// Errands of the same text that are being run and answered.
pub(super) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

type Run<E> = dyn Fn(Vec<Job<E>>) -> Running + Send + Sync;

/// Where errands gather, each text by itself.
pub(super) struct Gatherer<E: Errand> {
    runtime: Handle,
    run: Arc<Run<E>>,
    queues: Mutex<HashMap<&'static str, mpsc::Sender<Job<E>>>>,
}

impl<E: Errand> Gatherer<E> {
    pub(super) fn new(
        runtime: &Handle,
        run: impl Fn(Vec<Job<E>>) -> Running + Send + Sync + 'static,
    ) -> Self {
        Self {
            runtime: runtime.clone(),
            run: Arc::new(run),
            queues: Mutex::default(),
        }
    }

    /// Runs an errand, in whatever company.
    pub(super) async fn run(&self, errand: E, deadline: Instant) -> Result<E::Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let text = errand.text();
        let job = Job {
            errand,
            deadline,
            answer,
        };
        let sent = {
            let queues = self.queues.lock();
            let mut queues = queues.unwrap_or_else(PoisonError::into_inner);
            queues
                .entry(text)
                .or_insert_with(|| self.open())
                .try_send(job)
        };
        sent.map_err(|_| Error::Unavailable("too much is waiting for PostgreSQL".to_owned()))?;
        let answer = answered.await;
        // Whoever takes an errand and stops without a word leaves open what came of it.
        answer.unwrap_or_else(|_| Err(Error::Unknown("the store was closed".to_owned())))
    }

    /// A queue, and who empties it: until the last sender is gone, and the store with it.
    fn open(&self) -> mpsc::Sender<Job<E>> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        self.runtime.spawn(keep_going(queue, Arc::clone(&self.run)));
        jobs
    }
}

/// Takes what has gathered, again and again.
async fn keep_going<E: Errand>(mut queue: mpsc::Receiver<Job<E>>, run: Arc<Run<E>>) {
    loop {
        let mut jobs = Vec::new();
        if queue.recv_many(&mut jobs, TOGETHER).await == 0 {
            return;
        }
        // Whoever stopped waiting, or has waited too long, wants it undone (F03).
        jobs.retain(|job| !job.answer.is_closed());
        let now = Instant::now();
        let (jobs, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline > now);
        for job in late {
            job.answer(Err(too_slow()));
        }
        let going = tokio::spawn(run(jobs));
        let _ = timeout(TURN, going).await;
    }
}
