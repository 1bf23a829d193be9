//! The driver: readers where the caller stands, one writer behind a bounded queue.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use claviger_model::port::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::{
    ballast::Ballast,
    condition::{Condition, Fatal, stopped},
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

/// How long a plan may take: shorter than the 3 s that a request has, so that whoever asked can
/// still answer in their own words (TOK-10).
const PATIENCE: Duration = Duration::from_millis(2500);

/// Plans that may wait; more are refused, and nothing is lost.
const QUEUE: usize = 4096;

/// An open SQLite store.
pub struct SqliteStore {
    readers: Readers,
    jobs: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    condition: Arc<Condition>,
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
        let condition = Arc::<Condition>::default();
        let ballast = Ballast::in_directory(&options.directory, options.ballast);
        if let Err(error) = ballast.take() {
            tracing::warn!(%error, "no disk space could be held back for ending sessions");
            condition.set_short_of_disk(error.kind() == io::ErrorKind::StorageFull);
        }
        let writer = Writer {
            connection: ready.writer,
            sequence: ready.sequence,
            witness: ready.witness,
            ballast,
            condition: Arc::clone(&condition),
        };
        let guard = StopOnPanic(Arc::clone(&condition));
        let writer = std::thread::Builder::new()
            .name("claviger-store".to_owned())
            .spawn(move || {
                let _guard = guard;
                writer.run(&queue);
            })
            .map_err(|source| OpenError::Io {
                path: options.database(),
                source,
            })?;
        let store = Self {
            readers: Readers::of(options.database(), Arc::clone(&condition)),
            jobs: Some(jobs),
            writer: Some(writer),
            condition,
            _lock: ready.lock,
        };
        Ok((store, ready.opened))
    }

    /// Tells when the store has stopped for good.
    pub fn fatal(&self) -> watch::Receiver<Option<Fatal>> {
        self.condition.watch()
    }

    /// How many commits there were since opening: fewer than plans, when plans share one.
    pub fn commits(&self) -> u64 {
        self.condition.commits()
    }

    /// Writes a consistent copy to `path` while the store goes on working.
    pub fn backup_to(&self, path: &Path) -> Result<(), Error> {
        self.readers.backup(path)
    }

    pub(super) const fn readers(&self) -> &Readers {
        &self.readers
    }

    fn enqueue(&self, plan: Plan) -> Result<oneshot::Receiver<Result<Applied, Error>>, Error> {
        if self.condition.is_stopped() {
            return Err(stopped());
        }
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
            match tokio::time::timeout(PATIENCE, queued?).await {
                Ok(Ok(answer)) => answer,
                // A writer that stops without a word leaves the outcome open.
                Ok(Err(_)) => Err(Error::Unknown("the writer stopped".to_owned())),
                // Work not yet begun is dropped with the receiver; of the rest nobody knows.
                Err(_) => Err(Error::Unknown("the disk is too slow".to_owned())),
            }
        })
    }

    fn health(&self) -> Result<(), Error> {
        self.condition.health()
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

/// A writer that dies of a bug must not look healthy.
struct StopOnPanic(Arc<Condition>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(Fatal::Io);
        }
    }
}
