//! How plans are applied on a connection.

use std::sync::atomic::Ordering;

use futures_util::future::{join, join_all};
use tokio_postgres::{Error as PostgresError, Statement as Prepared, error::SqlState};

use super::{
    connection::{Connection, count, parameters},
    many, value,
};
use crate::statement::{Applied, Rows, Statement};

/// Statements of one plan that are on their way at once.
const AT_ONCE: usize = 16;

/// Begins a transaction of plans that have nothing to do with each other. Where one of them waits for a row, all are
/// undone before long, and it waits alone.
const BEGIN_TOGETHER: &str = "BEGIN; SET LOCAL lock_timeout = '100ms'";

/// Why a plan was not applied.
pub(super) enum Failure {
    /// It was not even sent: a bug of ours.
    Malformed(String),
    /// It failed before anything could be kept.
    Before(PostgresError),
    /// It failed when it may have been kept.
    Open(PostgresError),
    /// It is kept, but perhaps by this server alone.
    Warned,
    /// It touched more rows than it must, and was not kept.
    Overshot,
}

impl Connection {
    /// Applies a plan whole or not at all.
    pub(super) async fn apply(&mut self, plan: &[Statement]) -> Result<Applied, Failure> {
        self.begin();
        let applied = match plan {
            [] => Applied::Whole { changed: 0 },
            [only] => self.apply_one(only).await?,
            several => self.apply_several(several).await?,
        };
        self.end(applied.is_whole()).map(|()| applied)
    }

    /// Applies plans of one statement each, of the same text and of different rows, in one transaction: each whole or
    /// not at all.
    pub(super) async fn apply_together(
        &mut self,
        statements: &[&Statement],
    ) -> Result<Vec<Applied>, Failure> {
        self.begin();
        let counts = self.count_together(statements).await?;
        // What was not met for another plan's sake is as open as that plan.
        self.end(counts.iter().any(|count| *count > 0))?;
        let judged = counts.into_iter().map(|count| match count {
            0 => Applied::Unmet { statement: 0 },
            changed => Applied::Whole { changed },
        });
        Ok(judged.collect())
    }

    fn begin(&mut self) {
        self.warned.store(false, Ordering::Release);
        self.is_open = false;
    }

    fn end(&self, changed: bool) -> Result<(), Failure> {
        if changed && self.warned.load(Ordering::Acquire) {
            return Err(Failure::Warned);
        }
        Ok(())
    }

    /// How many rows each touched, none more than one.
    async fn count_together(&mut self, statements: &[&Statement]) -> Result<Vec<usize>, Failure> {
        let Some(first) = statements.first() else {
            return Ok(Vec::new());
        };
        let single = self.prepare(first.sql, None).await;
        let single = single.map_err(Failure::Before)?;
        for statement in statements {
            check(&single, statement)?;
        }
        let many = self.prepare_many(first.sql, many::update).await;
        let Some(many) = many.map_err(Failure::Before)? else {
            let why = format!("not for many at once: {}", first.sql);
            return Err(Failure::Malformed(why));
        };
        let lists = many::lists(statements.iter().map(|one| one.parameters.as_slice()));
        let lists = parameters(&lists);
        // They go there together. Were BEGIN refused, what follows would be kept by itself.
        self.is_open = true;
        let begun = self.client.batch_execute(BEGIN_TOGETHER);
        let (begun, touched) = join(begun, self.client.query(&many, &lists)).await;
        begun.map_err(Failure::Open)?;
        self.is_open = false;
        let mut counts = vec![0; statements.len()];
        for row in touched.map_err(Failure::Before)? {
            let place = value::place(&row).map_err(Failure::Before)?;
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        if counts.iter().any(|count| *count > 1) {
            return Err(Failure::Overshot);
        }
        self.is_open = true;
        let committed = self.client.batch_execute("COMMIT").await;
        committed.map_err(Failure::Open)?;
        Ok(counts)
    }

    /// One statement is a transaction by itself: it goes there and back once.
    async fn apply_one(&mut self, statement: &Statement) -> Result<Applied, Failure> {
        let guard = match statement.must_change {
            Rows::Any => None,
            Rows::Exactly(rows) => Some(rows),
        };
        let prepared = self
            .prepare(statement.sql, guard)
            .await
            .map_err(Failure::Before)?;
        check(&prepared, statement)?;
        self.is_open = true;
        let parameters = parameters(&statement.parameters);
        let Some(due) = guard else {
            let changed = self.client.execute(&prepared, &parameters).await;
            let changed = changed.map_err(Failure::Open)?;
            return Ok(Applied::Whole {
                changed: count(changed),
            });
        };
        match self.client.query_one(&prepared, &parameters).await {
            Ok(row) => {
                let changed: i64 = row.try_get(0).map_err(Failure::Open)?;
                Ok(if usize::try_from(changed) == Ok(due) {
                    Applied::Whole { changed: due }
                } else {
                    Applied::Unmet { statement: 0 }
                })
            }
            Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                Ok(Applied::Unmet { statement: 0 })
            }
            Err(error) => Err(Failure::Open(error)),
        }
    }

    /// Several go there together, and the end of the transaction when their guards are known to hold.
    async fn apply_several(&mut self, statements: &[Statement]) -> Result<Applied, Failure> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            let ready = self.prepare(statement.sql, None).await;
            let ready = ready.map_err(Failure::Before)?;
            check(&ready, statement)?;
            prepared.push(ready);
        }
        let client = &self.client;
        client
            .batch_execute("BEGIN")
            .await
            .map_err(Failure::Before)?;
        let (mut last, mut position) = (0, 0);
        let steps: Vec<_> = statements.iter().zip(&prepared).collect();
        for some in steps.chunks(AT_ONCE) {
            let sent = some.iter().map(|(statement, prepared)| async move {
                let parameters = parameters(&statement.parameters);
                client.execute(*prepared, &parameters).await
            });
            for (changed, (statement, _)) in join_all(sent).await.into_iter().zip(some) {
                last = match changed {
                    Ok(changed) => count(changed),
                    Err(error) => {
                        self.roll_back().await?;
                        return Err(Failure::Before(error));
                    }
                };
                if matches!(statement.must_change, Rows::Exactly(due) if due != last) {
                    self.roll_back().await?;
                    return Ok(Applied::Unmet {
                        statement: position,
                    });
                }
                position += 1;
            }
        }
        self.is_open = true;
        let committed = self.client.batch_execute("COMMIT").await;
        committed.map_err(Failure::Open)?;
        Ok(Applied::Whole { changed: last })
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        let rolled_back = self.client.batch_execute("ROLLBACK").await;
        rolled_back.map_err(Failure::Before)
    }
}

/// Refuses what could not be sent as it is.
fn check(prepared: &Prepared, statement: &Statement) -> Result<(), Failure> {
    let (types, values) = (prepared.params(), &statement.parameters);
    if types.len() != values.len() {
        let (due, given) = (types.len(), values.len());
        let why = format!("{given} parameters where {due} belong");
        return Err(Failure::Malformed(why));
    }
    let mut wrong = types
        .iter()
        .zip(values)
        .filter(|(ty, value)| !value::fits(value, ty));
    match wrong.next() {
        // Kinds only: parameters hold secrets.
        Some((ty, value)) => Err(Failure::Malformed(format!("{value:?} where {ty} belongs"))),
        None => Ok(()),
    }
}
