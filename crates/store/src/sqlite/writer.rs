//! The writer thread: owns the only writing connection and the only checkpoints.
//!
//! A batch takes what is queued; each plan runs in a savepoint of its own; one commit makes the
//! batch durable; only then is anybody answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::{connection, store::Fatal, witness::Witness};
use crate::{
    error::Error,
    statement::{Applied, Plan},
};

/// A plan on its way, and whom to answer.
pub(super) struct Job {
    pub(super) plan: Plan,
    pub(super) answer: oneshot::Sender<Result<Applied, Error>>,
}

/// Plans in one commit at most.
const BATCH: usize = 256;

/// The witness is written at most this often.
const WITNESS_EVERY: Duration = Duration::from_secs(1);

/// Pages in the WAL that make a checkpoint worth its while (4 MiB).
const CHECKPOINT_AFTER: i64 = 1000;

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) sequence: u64,
    pub(super) witness: Witness,
    pub(super) fatal: watch::Sender<Option<Fatal>>,
    pub(super) commits: Arc<AtomicU64>,
}

impl Writer {
    /// Works until every sender is gone or the disk fails.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut witnessed = (self.sequence, Instant::now());
        loop {
            let dirty = self.sequence != witnessed.0;
            let wait = if dirty {
                WITNESS_EVERY
            } else {
                Duration::from_secs(3600)
            };
            match jobs.recv_timeout(wait) {
                Ok(first) => {
                    let batch: Vec<Job> = std::iter::once(first)
                        .chain(jobs.try_iter().take(BATCH - 1))
                        .collect();
                    if !self.commit(batch) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.sequence != witnessed.0 && witnessed.1.elapsed() >= WITNESS_EVERY {
                self.bear_witness();
                witnessed = (self.sequence, Instant::now());
            }
        }
        if self.fatal.borrow().is_none() {
            self.checkpoint("TRUNCATE");
            self.bear_witness();
        }
    }

    /// Applies a batch; whether the writer may go on.
    fn commit(&mut self, batch: Vec<Job>) -> bool {
        let mut answers = Vec::with_capacity(batch.len());
        let outcome = self.apply_all(batch, &mut answers);
        match outcome {
            Ok(()) => {
                for (sender, answer) in answers {
                    // Whoever hung up has learned nothing; the change stands.
                    let _ = sender.send(answer);
                }
                true
            }
            Err(error) => {
                let fatal = fatal(&error);
                let answer = match fatal {
                    // A full disk is no riddle: the transaction was rolled back.
                    None => Error::Unavailable(error.to_string()),
                    Some(_) => Error::Unknown(error.to_string()),
                };
                let _ = self.connection.execute_batch("ROLLBACK");
                for (sender, _) in answers {
                    let _ = sender.send(Err(answer.clone()));
                }
                if let Some(fatal) = fatal {
                    self.fatal.send_replace(Some(fatal));
                }
                fatal.is_none()
            }
        }
    }

    fn apply_all(
        &mut self,
        batch: Vec<Job>,
        answers: &mut Vec<(
            oneshot::Sender<Result<Applied, Error>>,
            Result<Applied, Error>,
        )>,
    ) -> rusqlite::Result<()> {
        let mut jobs = batch.into_iter();
        let begun = self
            .connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut s| s.execute(()));
        if let Err(error) = begun {
            let refused = Err(Error::Unavailable(error.to_string()));
            answers.extend(jobs.map(|job| (job.answer, refused.clone())));
            return Err(error);
        }
        let mut changed_anything = false;
        while let Some(job) = jobs.next() {
            match self.apply(&job.plan) {
                Ok(applied) => {
                    changed_anything |= applied.is_whole();
                    answers.push((job.answer, Ok(applied)));
                }
                Err(error) if fatal(&error).is_some() || is_full(&error) => {
                    let rest = std::iter::once(job).chain(jobs);
                    answers.extend(
                        rest.map(|job| (job.answer, Err(Error::Unavailable(error.to_string())))),
                    );
                    return Err(error);
                }
                Err(error) => answers.push((job.answer, Err(connection::translate(&error)))),
            }
        }
        if !changed_anything {
            return self.connection.execute_batch("ROLLBACK");
        }
        let next = self.sequence + 1;
        self.connection
            .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'commit_seq'")?
            .execute([next.to_string()])?;
        self.connection.prepare_cached("COMMIT")?.execute(())?;
        self.sequence = next;
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.checkpoint_if_due();
        Ok(())
    }

    /// One plan in its savepoint: whole or not at all.
    fn apply(&self, plan: &Plan) -> rusqlite::Result<Applied> {
        let run = |sql| {
            self.connection
                .prepare_cached(sql)
                .and_then(|mut s| s.execute(()))
        };
        run("SAVEPOINT plan")?;
        let mut last = 0;
        for (position, statement) in plan.0.iter().enumerate() {
            match connection::execute(&self.connection, statement) {
                Ok((changed, true)) => last = changed,
                Ok((_, false)) => {
                    run("ROLLBACK TO plan")?;
                    run("RELEASE plan")?;
                    return Ok(Applied::Unmet {
                        statement: position,
                    });
                }
                Err(error) => {
                    // On a full disk SQLite may have rolled everything back by itself.
                    let _ = run("ROLLBACK TO plan").and_then(|_| run("RELEASE plan"));
                    return Err(error);
                }
            }
        }
        run("RELEASE plan")?;
        Ok(Applied::Whole { changed: last })
    }

    fn checkpoint_if_due(&self) {
        let frames = self
            .connection
            .query_row("PRAGMA wal_checkpoint(NOOP)", (), |row| {
                row.get::<_, i64>(1)
            });
        if frames.is_ok_and(|frames| frames > CHECKPOINT_AFTER) {
            self.checkpoint("PASSIVE");
        }
    }

    fn checkpoint(&self, mode: &str) {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        if let Err(error) = self.connection.query_row(&sql, (), |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log could not be checkpointed");
        }
    }

    fn bear_witness(&self) {
        if let Err(error) = self.witness.write(self.sequence) {
            tracing::warn!(%error, "the commit witness could not be written");
        }
    }
}

/// What leaves the truth of a commit unknown, or the store unusable.
fn fatal(error: &rusqlite::Error) -> Option<Fatal> {
    match error.sqlite_error_code()? {
        ErrorCode::SystemIoFailure => Some(Fatal::Io),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(Fatal::Corrupt),
        _ => None,
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
