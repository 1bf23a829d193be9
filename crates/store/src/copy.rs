//! Moving house: every row of a SQLite store to a PostgreSQL that has none.
//!
//! The new store is whole or not there: one transaction holds tables, rows and the comparison with the old
//! store, which stays as it is.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    error::Error,
    postgres::{Arrival, OpenError, address::Address},
    sqlite::SqliteStore,
    table::Digest,
    value::Row,
};

/// Why a store was not copied; nothing is left behind then, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The old store cannot be read.
    #[error("the old store cannot be read: {0}")]
    From(#[from] Error),
    /// The new one cannot be made.
    #[error(transparent)]
    To(#[from] OpenError),
    /// All was sent and compared, and what became of the commit is not known.
    #[error(
        "whether it was kept is not known ({0}); look whether the database holds a store now: if so, it is \
         whole, and if not, copy again"
    )]
    Unknown(String),
    /// What arrived is something else.
    #[error(
        "{table} is not the same on both sides: {rows} rows were sent, {arrived} arrived; nothing was kept"
    )]
    Different {
        /// The table.
        table: String,
        /// Rows read.
        rows: u64,
        /// Rows found.
        arrived: u64,
    },
}

/// A table that was copied and compared.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Its name.
    pub table: String,
    /// How many rows there are on both sides.
    pub rows: u64,
    /// What they are, whatever their order, in hex.
    pub digest: String,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The table that is being copied.
    pub table: &'a str,
    /// Rows of all tables that are copied.
    pub rows: u64,
    /// Rows that there are.
    pub of: u64,
}

/// Copies every row of `from` to `to`, and compares counts and digests on both sides.
///
/// # Errors
/// There is a store already, one of them fails, or something arrives altered; the new store is then not there.
/// Only when the last word is lost may it be there, whole.
pub async fn copy(
    from: &Arc<SqliteStore>,
    to: &Address,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<Vec<Copied>, CopyError> {
    let arrival = Arrival::begin(to).await?;
    let tables = from.tables()?;
    let of = tables.iter().map(|table| table.rows).sum();
    let mut rows = 0;
    let mut copied = Vec::with_capacity(tables.len());
    for table in &tables {
        let mut sent = Digest::default();
        let mut filling = arrival.fill(table).await?;
        let (sender, mut receiver) = mpsc::channel::<Vec<Row>>(4);
        let (store, shape) = (Arc::clone(from), table.clone());
        let reading = tokio::task::spawn_blocking(move || {
            store.each(&shape, |some| sender.blocking_send(some).is_ok())
        });
        while let Some(some) = receiver.recv().await {
            for row in &some {
                sent.add(row);
                filling.add(row).await?;
                rows += 1;
            }
            let table = &table.name;
            tell(Progress { table, rows, of });
        }
        let read = reading.await;
        read.unwrap_or_else(|stopped| Err(Error::Unavailable(stopped.to_string())))?;
        filling.finish().await?;
        let arrived = arrival.digest(table).await?;
        if arrived != sent {
            return Err(CopyError::Different {
                table: table.name.clone(),
                rows: sent.rows,
                arrived: arrived.rows,
            });
        }
        copied.push(Copied {
            table: table.name.clone(),
            rows: sent.rows,
            digest: sent.to_string(),
        });
    }
    arrival.finish().await.map_err(|error| match error {
        OpenError::Unconfirmed(why) => CopyError::Unknown(why),
        error => CopyError::To(error),
    })?;
    Ok(copied)
}
