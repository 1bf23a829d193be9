//! The writer thread: owns the only writing connection and the only checkpoints.
//!
//! A batch takes what is queued; each plan runs in a savepoint of its own; one commit makes the
//! batch durable; only then is anybody answered.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::{
    ballast::Ballast,
    condition::{self, Condition, Fatal, fatal},
    connection,
    witness::Witness,
};
use crate::{
    error::Error,
    statement::{Applied, Plan, Statement},
};

/// A plan on its way, and whom to answer.
pub(super) struct Job {
    pub(super) plan: Plan,
    pub(super) answer: oneshot::Sender<Result<Applied, Error>>,
}

/// Plans in one commit at most.
const BATCH: usize = 256;

/// The witness is written, and a full disk looked at again, at most this often.
const TICK: Duration = Duration::from_secs(1);

/// Pages in the WAL that make a checkpoint worth its while (4 MiB).
const CHECKPOINT_AFTER: i64 = 1000;

/// How many commits go by between two looks at the length of the log; each adds some hundreds of pages at most.
const LOOK_EVERY: u64 = 8;

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) sequence: u64,
    pub(super) witness: Witness,
    pub(super) ballast: Ballast,
    pub(super) condition: Arc<Condition>,
}

/// Why a batch was not committed.
enum Trouble {
    /// Nothing of it is there, now or after a restart.
    NotCommitted(rusqlite::Error),
    /// The commit itself failed: its frames may be whole in the log, and then a restart finds
    /// them (RELIABILITY §2).
    Open(rusqlite::Error),
}

impl Writer {
    /// Works until every sender is gone or the disk fails.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut witnessed = (self.sequence, Instant::now());
        while !self.condition.is_stopped() {
            let has_errands = self.sequence != witnessed.0 || self.condition.is_short_of_disk();
            let wait = if has_errands {
                TICK
            } else {
                Duration::from_hours(1)
            };
            match jobs.recv_timeout(wait) {
                Ok(first) => {
                    let queued = std::iter::once(first).chain(jobs.try_iter());
                    // Whoever stopped waiting wants the work undone (F03).
                    let wanted = queued.filter(|job| !job.answer.is_closed());
                    self.commit(wanted.take(BATCH).collect());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if has_errands && witnessed.1.elapsed() >= TICK {
                self.look_for_room();
                self.bear_witness();
                witnessed = (self.sequence, Instant::now());
            }
        }
        if self.condition.is_stopped() {
            let waiting: Vec<Job> = jobs.try_iter().collect();
            refuse(waiting, &condition::stopped());
        } else {
            self.checkpoint("TRUNCATE");
            self.bear_witness();
        }
    }

    /// Applies a batch and answers it.
    fn commit(&mut self, batch: Vec<Job>) {
        let batch = self.admit(batch);
        match self.apply_all(&batch, false) {
            Ok(answers) => {
                for (job, answer) in batch.into_iter().zip(answers) {
                    // Whoever hung up has learned nothing; the change stands.
                    let _ = job.answer.send(answer);
                }
                self.checkpoint_if_due();
            }
            Err(trouble) => {
                // SQLite may have rolled back by itself.
                let _ = self.connection.execute_batch("ROLLBACK");
                self.despair(batch, trouble);
            }
        }
    }

    /// On a full disk only what ends something or makes room is let through.
    fn admit(&self, batch: Vec<Job>) -> Vec<Job> {
        if !self.condition.is_short_of_disk() {
            return batch;
        }
        let (admitted, refused) = batch
            .into_iter()
            .partition(|job| job.plan.applies_when_full());
        refuse(refused, &condition::short_of_disk());
        admitted
    }

    /// Answers a batch that was not committed, and draws the consequences for the store.
    fn despair(&mut self, batch: Vec<Job>, trouble: Trouble) {
        match trouble {
            Trouble::NotCommitted(error) if is_full(&error) => {
                let first = !self.condition.is_short_of_disk();
                self.condition.set_short_of_disk(true);
                if first {
                    tracing::error!("the disk is full; only ending sessions still works");
                    self.ballast.release();
                    self.commit(batch);
                } else {
                    refuse(batch, &condition::short_of_disk());
                }
            }
            Trouble::NotCommitted(error) => {
                self.condition.stop_if_fatal(&error);
                if !self.connection.is_autocommit() {
                    self.condition.stop(Fatal::Io);
                }
                refuse(batch, &Error::Unavailable(error.to_string()));
            }
            Trouble::Open(error) => {
                self.condition.stop(fatal(&error).unwrap_or(Fatal::Io));
                refuse(batch, &Error::Unknown(error.to_string()));
            }
        }
    }

    /// `careful`: with a savepoint for plans of one statement, too. One that fails, or touches nothing, leaves nothing to
    /// undo; one that touches more than it must takes the batch back, which is then applied so.
    fn apply_all(
        &mut self,
        batch: &[Job],
        careful: bool,
    ) -> Result<Vec<Result<Applied, Error>>, Trouble> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.run_sql("BEGIN IMMEDIATE")
            .map_err(Trouble::NotCommitted)?;
        let mut answers = Vec::with_capacity(batch.len());
        let mut touched = 0;
        for job in batch {
            let applied = match job.plan.0.as_slice() {
                [only] if !careful => self.apply_one(only),
                _ => Some(self.apply(&job.plan)),
            };
            let Some(applied) = applied else {
                self.run_sql("ROLLBACK").map_err(Trouble::NotCommitted)?;
                return self.apply_all(batch, true);
            };
            answers.push(match applied {
                Ok((applied, rows)) => {
                    touched += rows;
                    Ok(applied)
                }
                // Some errors take the whole transaction with them, not only their statement.
                Err(error)
                    if fatal(&error).is_some()
                        || is_full(&error)
                        || self.connection.is_autocommit() =>
                {
                    return Err(Trouble::NotCommitted(error));
                }
                Err(error) => Err(connection::translate(&error)),
            });
        }
        if touched > 0 {
            self.seal()?;
        } else {
            // Nothing to make durable.
            self.run_sql("ROLLBACK").map_err(Trouble::NotCommitted)?;
        }
        Ok(answers)
    }

    /// Numbers the batch and commits it.
    fn seal(&mut self) -> Result<(), Trouble> {
        let next = self.sequence + 1;
        self.connection
            .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'commit_seq'")
            .and_then(|mut statement| statement.execute([next.to_string()]))
            .map_err(Trouble::NotCommitted)?;
        self.run_sql("COMMIT").map_err(|error| {
            if is_full(&error) || is_busy(&error) {
                Trouble::NotCommitted(error)
            } else {
                Trouble::Open(error)
            }
        })?;
        self.sequence = next;
        self.condition.count_commit();
        Ok(())
    }

    /// The only statement of a plan: whole or not at all by itself; nothing where it would have to be undone.
    fn apply_one(&self, statement: &Statement) -> Option<rusqlite::Result<(Applied, usize)>> {
        match connection::execute(&self.connection, statement) {
            Ok((changed, true)) => Some(Ok((Applied::Whole { changed }, changed))),
            Ok((0, false)) => Some(Ok((Applied::Unmet { statement: 0 }, 0))),
            Ok((_, false)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// One plan in its savepoint: whole or not at all; and how many rows it touched in all.
    fn apply(&self, plan: &Plan) -> rusqlite::Result<(Applied, usize)> {
        self.run_sql("SAVEPOINT plan")?;
        let (mut last, mut touched) = (0, 0);
        for (position, statement) in plan.0.iter().enumerate() {
            match connection::execute(&self.connection, statement) {
                Ok((changed, true)) => {
                    last = changed;
                    touched += changed;
                }
                Ok((_, false)) => {
                    self.undo_plan()?;
                    let unmet = Applied::Unmet {
                        statement: position,
                    };
                    return Ok((unmet, 0));
                }
                Err(error) => {
                    // Where SQLite rolled everything back by itself there is no savepoint left;
                    // the caller looks.
                    let _ = self.undo_plan();
                    return Err(error);
                }
            }
        }
        self.run_sql("RELEASE plan")?;
        Ok((Applied::Whole { changed: last }, touched))
    }

    fn undo_plan(&self) -> rusqlite::Result<()> {
        self.run_sql("ROLLBACK TO plan")?;
        self.run_sql("RELEASE plan")
    }

    fn run_sql(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(()).map(|_| ())
    }

    fn checkpoint_if_due(&self) {
        if !self.sequence.is_multiple_of(LOOK_EVERY) {
            return;
        }
        let looking = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)");
        let frames =
            looking.and_then(|mut looking| looking.query_row((), |row| row.get::<_, i64>(1)));
        if frames.is_ok_and(|frames| frames > CHECKPOINT_AFTER) {
            self.checkpoint("PASSIVE");
        }
    }

    /// A sync that failed here may have dropped pages which the next one would call written: the
    /// log must not be reused after it.
    fn checkpoint(&self, mode: &str) {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        if let Err(error) = self.connection.query_row(&sql, (), |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log could not be checkpointed");
            self.condition.stop_if_fatal(&error);
        }
    }

    /// Room on the disk again is noticed without a restart.
    fn look_for_room(&self) {
        if self.condition.is_short_of_disk() && self.ballast.take_again().is_ok() {
            tracing::info!("there is room on the disk again");
            self.condition.set_short_of_disk(false);
        }
    }

    fn bear_witness(&self) {
        if let Err(error) = self.witness.write(self.sequence) {
            tracing::warn!(%error, "the commit witness could not be written");
        }
    }
}

fn refuse(jobs: Vec<Job>, error: &Error) {
    for job in jobs {
        let _ = job.answer.send(Err(error.clone()));
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
