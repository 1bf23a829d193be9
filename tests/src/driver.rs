//! A switch before the real store: it counts, and it can be made to fail as a disk would.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use claviger_model::port::future::BoxFuture;
use claviger_store::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// How the store behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As it is.
    #[default]
    Working,
    /// Reads and writes answer that the store is away; nothing is done.
    Away,
    /// Reads work, writes answer that the store is away; nothing is written.
    ReadOnly,
    /// As on a full disk: reads work, and of the writes those that end something or make room.
    Full,
    /// Writes are done, but nobody learns so: the commit's answer is lost.
    AnswerLost,
    /// Reads and writes fail as a broken statement would: our own bug.
    Broken,
}

/// The real store behind a switch.
pub struct SwitchedStore {
    inner: Arc<dyn Driver>,
    mode: Mutex<Mode>,
    reads: AtomicUsize,
    writes: AtomicUsize,
    at_work: AtomicUsize,
    overlapped: AtomicUsize,
    noted: Mutex<Option<Vec<Vec<&'static str>>>>,
}

impl SwitchedStore {
    /// Puts a switch before `inner`.
    pub fn new(inner: Arc<dyn Driver>) -> Self {
        Self {
            inner,
            mode: Mutex::default(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            at_work: AtomicUsize::new(0),
            overlapped: AtomicUsize::new(0),
            noted: Mutex::default(),
        }
    }

    /// Turns the switch.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Reads since the world began.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Plans since the world began, whatever became of them.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// How many plans began while others, of whichever node, were not answered yet: without any, a race was
    /// none.
    pub fn overlapped(&self) -> usize {
        self.overlapped.load(Ordering::SeqCst)
    }

    /// Begins to note the plans that come, or begins anew.
    pub fn note(&self) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// The plans since [`SwitchedStore::note`], each as the texts of its statements.
    pub fn noted(&self) -> Vec<Vec<&'static str>> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.clone().unwrap_or_default()
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    static UNCOUNTED: ();
}

/// Does what nodes do by themselves: its reads are nobody's.
pub async fn uncounted<T>(what: impl Future<Output = T>) -> T {
    UNCOUNTED.scope((), what).await
}

impl Driver for SwitchedStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        if UNCOUNTED.try_with(|()| ()).is_err() {
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
        match self.mode() {
            Mode::Away => Box::pin(std::future::ready(Err(away()))),
            Mode::Broken => Box::pin(std::future::ready(Err(broken()))),
            Mode::Working | Mode::ReadOnly | Mode::Full | Mode::AnswerLost => {
                self.inner.fetch(query)
            }
        }
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = noted.as_mut() {
            noted.push(plan.0.iter().map(|statement| statement.sql).collect());
        }
        drop(noted);
        match self.mode() {
            Mode::Working => Box::pin(async move {
                if self.at_work.fetch_add(1, Ordering::SeqCst) > 0 {
                    self.overlapped.fetch_add(1, Ordering::SeqCst);
                }
                let _done = Done(&self.at_work);
                self.inner.apply(plan).await
            }),
            Mode::Full if plan.applies_when_full() => self.inner.apply(plan),
            Mode::Away | Mode::ReadOnly | Mode::Full => Box::pin(std::future::ready(Err(away()))),
            Mode::Broken => Box::pin(std::future::ready(Err(broken()))),
            Mode::AnswerLost => Box::pin(async move {
                self.inner.apply(plan).await?;
                Err(Error::Unknown("the answer was lost".to_owned()))
            }),
        }
    }

    fn health(&self) -> Result<(), Error> {
        match self.mode() {
            Mode::Away | Mode::Full => Err(away()),
            _ => self.inner.health(),
        }
    }

    fn tells_the_time(&self) -> bool {
        self.inner.tells_the_time()
    }
}

/// Counts down however its plan ends, also when whoever asked goes away.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn away() -> Error {
    Error::Unavailable("the kit's switch is off".to_owned())
}

fn broken() -> Error {
    Error::Inconsistent {
        table: "kit",
        column: "kit",
        problem: "the kit's switch says so".to_owned(),
    }
}
