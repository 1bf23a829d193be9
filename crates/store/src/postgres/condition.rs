//! What a store knows of its server: whether it answers, and which one it must not be.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use crate::error::Error;

/// Shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// What the last probe met.
    trouble: Mutex<Option<Error>>,
    /// The highest timeline that any server has shown: one below it was replaced and lives on (F16).
    timeline: AtomicU32,
    /// Raised when a connection fell silent: those made before are not to be trusted either.
    suspicion: AtomicU64,
    /// Whether a commit may be lost with the primary.
    asynchronous: AtomicBool,
}

impl Condition {
    pub(super) fn health(&self) -> Result<(), Error> {
        let trouble = self.trouble.lock();
        let trouble = trouble.unwrap_or_else(PoisonError::into_inner);
        trouble.clone().map_or(Ok(()), Err)
    }

    /// Notes what a probe met; answers whether that is news.
    pub(super) fn note(&self, met: Result<(), Error>) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let news = trouble.is_some() != met.is_err();
        *trouble = met.err();
        news
    }

    /// Takes notice of a server's timeline; `Err` with the highest one for a server that was replaced.
    pub(super) fn admit(&self, timeline: u32) -> Result<(), u32> {
        match self.timeline.fetch_max(timeline, Ordering::AcqRel) {
            highest if highest > timeline => Err(highest),
            _ => Ok(()),
        }
    }

    pub(super) fn suspicion(&self) -> u64 {
        self.suspicion.load(Ordering::Acquire)
    }

    pub(super) fn suspect_all(&self) {
        self.suspicion.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn is_asynchronous(&self) -> bool {
        self.asynchronous.load(Ordering::Acquire)
    }

    /// Answers whether that is news.
    pub(super) fn set_asynchronous(&self, asynchronous: bool) -> bool {
        self.asynchronous.swap(asynchronous, Ordering::AcqRel) != asynchronous
    }
}
