//! The real store behind commits that fail or leave their outcome open, one fate per operation.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use claviger_model::port::future::BoxFuture;
use claviger_store::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// What becomes of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is made, and its answer arrives.
    Made,
    /// It is not made, and that is known.
    Failed,
    /// It is made, but nobody is told.
    UnknownMade,
    /// It is not made, and nobody is told.
    UnknownLost,
    /// Not even the read before it works.
    Unreadable,
}

impl Fate {
    /// Whether the caller gets an answer at all.
    pub(crate) fn answers(self) -> bool {
        self == Self::Made
    }

    /// Whether the write is there afterwards.
    pub(crate) fn is_made(self) -> bool {
        matches!(self, Self::Made | Self::UnknownMade)
    }
}

tokio::task_local! {
    /// How many commits of the operation pass before the fate strikes, and the fate.
    static STRIKE: RefCell<(usize, Fate)>;
}

/// Runs `operation` with `fate` for its commit number `after`, from 0.
pub(crate) async fn with<T>(fate: Fate, after: usize, operation: impl Future<Output = T>) -> T {
    STRIKE.scope(RefCell::new((after, fate)), operation).await
}

/// The store that the engine sees.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Driver>,
    struck: AtomicUsize,
}

impl FaultyStore {
    pub(crate) fn before(inner: Arc<dyn Driver>) -> Self {
        Self {
            inner,
            struck: AtomicUsize::new(0),
        }
    }

    /// How many faults there really were.
    pub(crate) fn struck(&self) -> usize {
        self.struck.load(Ordering::Relaxed)
    }

    fn strike(&self) -> Fate {
        let fate = STRIKE.try_with(|strike| {
            let mut strike = strike.borrow_mut();
            match strike.0.checked_sub(1) {
                Some(left) => {
                    strike.0 = left;
                    Fate::Made
                }
                None => std::mem::replace(&mut strike.1, Fate::Made),
            }
        });
        let fate = fate.unwrap_or(Fate::Made);
        self.count(fate)
    }

    fn count(&self, fate: Fate) -> Fate {
        if fate != Fate::Made {
            self.struck.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }
}

impl Driver for FaultyStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        let unreadable = STRIKE.try_with(|strike| strike.borrow().1 == Fate::Unreadable);
        if unreadable.unwrap_or(false) {
            self.count(Fate::Unreadable);
            return Box::pin(std::future::ready(Err(away())));
        }
        self.inner.fetch(query)
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        match self.strike() {
            Fate::Made => self.inner.apply(plan),
            Fate::Failed | Fate::Unreadable => Box::pin(std::future::ready(Err(away()))),
            Fate::UnknownLost => Box::pin(std::future::ready(Err(unknown()))),
            Fate::UnknownMade => {
                let applied = self.inner.apply(plan);
                Box::pin(async move {
                    match applied.await? {
                        Applied::Whole { .. } => Err(unknown()),
                        unmet @ Applied::Unmet { .. } => Ok(unmet),
                    }
                })
            }
        }
    }

    fn health(&self) -> Result<(), Error> {
        self.inner.health()
    }
}

fn away() -> Error {
    Error::Unavailable("the schedule says so".to_owned())
}

fn unknown() -> Error {
    Error::Unknown("the schedule says so".to_owned())
}
