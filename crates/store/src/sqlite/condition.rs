//! What a store tells about itself: stopped for good, short of disk, how many commits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::ErrorCode;
use tokio::sync::watch;

use crate::error::Error;

/// Why the store stopped; the process is to exit so that the truth is read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// A read or write of the disk failed: exit 75, restart.
    Io,
    /// The database is damaged: exit 65, do not restart blindly.
    Corrupt,
}

/// What an error of SQLite says about the whole store.
pub(super) fn fatal(error: &rusqlite::Error) -> Option<Fatal> {
    match error.sqlite_error_code()? {
        ErrorCode::SystemIoFailure => Some(Fatal::Io),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(Fatal::Corrupt),
        _ => None,
    }
}

/// Shared by the writer, the readers and whoever asks for health.
pub(super) struct Condition {
    stopped: watch::Sender<Option<Fatal>>,
    short_of_disk: AtomicBool,
    commits: AtomicU64,
}

impl Default for Condition {
    fn default() -> Self {
        Self {
            stopped: watch::Sender::new(None),
            short_of_disk: AtomicBool::new(false),
            commits: AtomicU64::new(0),
        }
    }
}

impl Condition {
    /// Stops the store for good; the first reason stands.
    pub(super) fn stop(&self, reason: Fatal) {
        self.stopped.send_if_modified(|stopped| {
            let first = stopped.is_none();
            stopped.get_or_insert(reason);
            first
        });
    }

    /// Stops the store when `error` is of that kind.
    pub(super) fn stop_if_fatal(&self, error: &rusqlite::Error) {
        if let Some(reason) = fatal(error) {
            self.stop(reason);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.borrow().is_some()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Option<Fatal>> {
        self.stopped.subscribe()
    }

    pub(super) fn set_short_of_disk(&self, short: bool) {
        self.short_of_disk.store(short, Ordering::Release);
    }

    pub(super) fn is_short_of_disk(&self) -> bool {
        self.short_of_disk.load(Ordering::Acquire)
    }

    pub(super) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// `Ok` while the store can serve (R11).
    pub(super) fn health(&self) -> Result<(), Error> {
        if self.is_stopped() {
            Err(stopped())
        } else if self.is_short_of_disk() {
            Err(short_of_disk())
        } else {
            Ok(())
        }
    }
}

/// The answer once the store has stopped.
pub(super) fn stopped() -> Error {
    Error::Unavailable("the store has stopped after an error of the disk".to_owned())
}

/// The answer while there is no room to grow.
pub(super) fn short_of_disk() -> Error {
    Error::Unavailable("the disk is full; make room, the store goes on by itself".to_owned())
}
