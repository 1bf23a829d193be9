//! How plans are applied on a connection.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokio_postgres::{Error as PostgresError, Statement as Prepared, error::SqlState};

use super::{
    connection::{Connection, PATIENT, count, parameters},
    many, value,
};
use crate::statement::{Applied, Rows, Statement};

/// Statements of one plan that are on their way at once.
const AT_ONCE: usize = 16;

/// How long plans that share a statement wait for a row that somebody holds: longer than a commit takes. After that
/// all are undone, and each waits alone.
const TOGETHER: &str = "300ms";

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
}

impl Connection {
    /// Applies a plan whole or not at all.
    pub(super) async fn apply(&mut self, plan: &[Statement]) -> Result<Applied, Failure> {
        self.begin();
        let waiting = self.wait_for_rows(PATIENT).await;
        waiting.map_err(Failure::Before)?;
        let applied = match plan {
            [] => Applied::Whole { changed: 0 },
            [only] => self.apply_one(only).await?,
            several => self.apply_several(several).await?,
        };
        self.end(applied.is_whole()).map(|()| applied)
    }

    /// Applies plans of one statement each, of the same text and with different keys, as one: each whole or not at all.
    /// Nothing where they cannot be one.
    pub(super) async fn apply_together(
        &mut self,
        statements: &[&Statement],
    ) -> Result<Option<Vec<Applied>>, Failure> {
        self.begin();
        let Some(first) = statements.first() else {
            return Ok(None);
        };
        let many = self.prepare_many(first.sql, many::update).await;
        let Some(many) = many.map_err(Failure::Before)? else {
            return Ok(None);
        };
        let single = self.prepare(first.sql, None).await;
        let single = single.map_err(Failure::Before)?;
        let each = statements.iter().map(|one| one.parameters.as_slice());
        let lists = many::lists(each, many.params().len());
        let fits = |statement: &&Statement| check(&single, statement).is_ok();
        let Some(lists) = lists.filter(|_| statements.iter().all(fits)) else {
            return Ok(None);
        };
        let waiting = self.wait_for_rows(TOGETHER).await;
        waiting.map_err(Failure::Before)?;
        self.is_open = true;
        let touched = self.client().query(&many, &parameters(&lists)).await;
        let touched = touched.map_err(Failure::Open)?;
        let mut applied = vec![Applied::Unmet { statement: 0 }; statements.len()];
        for row in &touched {
            let place = value::place(row).map_err(Failure::Open)?;
            if let Some(applied) = applied.get_mut(place) {
                *applied = Applied::Whole { changed: 1 };
            }
        }
        // What was not met for another plan's sake is as open as that plan.
        self.end(!touched.is_empty())?;
        Ok(Some(applied))
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
            let changed = self.client().execute(&prepared, &parameters).await;
            let changed = changed.map_err(Failure::Open)?;
            return Ok(Applied::Whole {
                changed: count(changed),
            });
        };
        match self.client().query_one(&prepared, &parameters).await {
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
        let client = self.client();
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
        let committed = self.client().batch_execute("COMMIT").await;
        committed.map_err(Failure::Open)?;
        Ok(Applied::Whole { changed: last })
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        let rolled_back = self.client().batch_execute("ROLLBACK").await;
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
