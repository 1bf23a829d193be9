//! So many workers, each with a connection of its own, that ask and ask again for a while.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

/// What became of one operation.
pub(crate) enum Outcome {
    /// Its answer was read and is what was due.
    Done,
    /// It has nothing left to ask for.
    Out,
}

/// Somebody who asks.
pub(crate) trait Worker: Send + 'static {
    /// Does one operation.
    fn once(&mut self) -> impl Future<Output = anyhow::Result<Outcome>> + Send;
}

/// What was seen.
pub(crate) struct Measured {
    /// Operations that were judged and found right.
    pub(crate) operations: u64,
    /// Those that were not.
    pub(crate) errors: u64,
    /// What the first of them was.
    pub(crate) error: Option<String>,
    /// Microseconds of each operation.
    pub(crate) times: Histogram<u64>,
    pub(crate) took: Duration,
}

impl Measured {
    fn new() -> Self {
        Self {
            operations: 0,
            errors: 0,
            error: None,
            // One microsecond to a minute, to three digits.
            times: Histogram::new_with_bounds(1, 60_000_000, 3).unwrap_or_else(|_| unreachable!()),
            took: Duration::ZERO,
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        as_float(self.operations) / self.took.as_secs_f64()
    }
}

/// A count for arithmetic.
#[expect(
    clippy::cast_precision_loss,
    reason = "operations, microseconds and connections of a run: millions"
)]
pub(crate) fn as_float(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

/// How often each of so many must begin an operation for that rate of all; nothing where there is none.
pub(crate) fn pace(workers: usize, per_second: f64) -> Option<Duration> {
    let each = as_float(workers) / per_second;
    each.is_finite().then(|| Duration::from_secs_f64(each))
}

/// Lets all of them work for so long, and gives them back with what they hold. With a `pace` each begins an operation
/// after each such time, one after the other, and one that had to wait for the one before is counted from when it was
/// due. Whoever has nothing to ask for at its pace waits for the next time; otherwise it is out.
pub(crate) async fn drive<W: Worker>(
    workers: Vec<W>,
    length: Duration,
    pace: Option<Duration>,
) -> (Measured, Vec<W>) {
    let begun = Instant::now();
    let end = begun + length;
    let mut working = JoinSet::new();
    let count = u32::try_from(workers.len()).unwrap_or(u32::MAX);
    for (number, mut worker) in (0..).zip(workers) {
        let first = pace.unwrap_or_default() * number / count;
        working.spawn(async move {
            let mut seen = Measured::new();
            let mut due = begun + first;
            while Instant::now() < end {
                if let Some(pace) = pace {
                    due += pace;
                    tokio::time::sleep_until(due.into()).await;
                } else {
                    due = Instant::now();
                }
                let asked = due;
                match worker.once().await {
                    Ok(Outcome::Done) => {
                        let took = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
                        seen.times.saturating_record(took.max(1));
                        seen.operations += 1;
                    }
                    Ok(Outcome::Out) if pace.is_some() => {}
                    Ok(Outcome::Out) => break,
                    Err(error) => {
                        seen.errors += 1;
                        seen.error.get_or_insert_with(|| format!("{error:#}"));
                    }
                }
            }
            (seen, worker)
        });
    }
    let mut all = Measured::new();
    let mut workers = Vec::new();
    while let Some(worked) = working.join_next().await {
        let Ok((seen, worker)) = worked else {
            all.errors += 1;
            all.error
                .get_or_insert_with(|| "a worker has panicked".to_owned());
            continue;
        };
        all.operations += seen.operations;
        all.errors += seen.errors;
        all.error = all.error.or(seen.error);
        // Both have the same bounds.
        let _ = all.times.add(seen.times);
        workers.push(worker);
    }
    all.took = begun.elapsed();
    (all, workers)
}
