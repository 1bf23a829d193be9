//! The driver: readers where the caller stands, one writer behind a bounded queue.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use claviger_model::port::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::{
    lock::Lock,
    open::{self, Identity, OpenError, Opened, Options, Ready},
    readers::Readers,
    writer::{Job, Writer},
};
use crate::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// Plans that may wait; more are refused, and nothing is lost.
const QUEUE: usize = 4096;

/// Why the writer stopped; the process is to exit so that the truth is read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// A read or write of the disk failed: exit 75, restart.
    Io,
    /// The database is damaged: exit 65, do not restart blindly.
    Corrupt,
}

/// An open SQLite store.
pub struct SqliteStore {
    readers: Readers,
    jobs: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    fatal: watch::Receiver<Option<Fatal>>,
    commits: Arc<AtomicU64>,
    _lock: Lock,
}

impl SqliteStore {
    /// Makes a new store.
    pub fn create(options: &Options, identity: &Identity) -> Result<Self, OpenError> {
        Self::start(options, open::create(options, identity)?).map(|(store, _)| store)
    }

    /// Opens an existing store and tells whether it has gone back in time.
    pub fn open(options: &Options) -> Result<(Self, Opened), OpenError> {
        Self::start(options, open::open(options)?)
    }

    fn start(options: &Options, ready: Ready) -> Result<(Self, Opened), OpenError> {
        let (jobs, queue) = sync_channel(QUEUE);
        let (report, fatal) = watch::channel(None);
        let commits = Arc::<AtomicU64>::default();
        let writer = Writer {
            connection: ready.writer,
            sequence: ready.sequence,
            witness: ready.witness,
            fatal: report,
            commits: Arc::clone(&commits),
        };
        let writer = std::thread::Builder::new()
            .name("claviger-store".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|source| OpenError::Io {
                path: options.database(),
                source,
            })?;
        let store = Self {
            readers: Readers::of(options.database()),
            jobs: Some(jobs),
            writer: Some(writer),
            fatal,
            commits,
            _lock: ready.lock,
        };
        Ok((store, ready.opened))
    }

    /// Tells when the writer has stopped for good.
    pub fn fatal(&self) -> watch::Receiver<Option<Fatal>> {
        self.fatal.clone()
    }

    /// How many commits there were since opening: fewer than plans, when plans share one.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Writes a consistent copy to `path` while the store goes on working.
    pub fn backup_to(&self, path: &Path) -> Result<(), Error> {
        let target = path.to_str().ok_or_else(|| {
            Error::Unavailable("the path of a backup must be valid UTF-8".to_owned())
        })?;
        self.readers.backup(target)
    }

    fn enqueue(&self, plan: Plan) -> Result<oneshot::Receiver<Result<Applied, Error>>, Error> {
        let (answer, receiver) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(Job { plan, answer })
            .map_err(|error| match error {
                TrySendError::Full(_) => {
                    Error::Unavailable("too many writes are waiting".to_owned())
                }
                TrySendError::Disconnected(_) => stopped(),
            })?;
        Ok(receiver)
    }
}

impl Driver for SqliteStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(std::future::ready(self.readers.fetch(&query)))
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        let queued = self.enqueue(plan);
        Box::pin(async move {
            // A writer that stops without a word leaves the outcome open.
            queued?
                .await
                .unwrap_or_else(|_| Err(Error::Unknown("the writer stopped".to_owned())))
        })
    }

    fn health(&self) -> Result<(), Error> {
        if self.fatal.borrow().is_some() {
            Err(stopped())
        } else {
            Ok(())
        }
    }
}

impl Drop for SqliteStore {
    /// Drains the queue, checkpoints, writes the witness; then lets the lock go.
    fn drop(&mut self) {
        self.readers.close();
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn stopped() -> Error {
    Error::Unavailable("the store has stopped after an error of the disk".to_owned())
}
