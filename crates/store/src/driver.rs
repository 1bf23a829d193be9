//! The one seam: a database that can read and apply guarded plans.

use claviger_model::port::future::BoxFuture;

use crate::{
    error::Error,
    statement::{Applied, Plan, Query},
    value::{Columns, Row},
};

/// A database. Reads see every plan whose `apply` has answered.
pub trait Driver: Send + Sync {
    /// Runs one read and returns all its rows.
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>>;

    /// Applies a plan whole or not at all; when it answers `Whole`, the changes survive a crash.
    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>>;

    /// `Ok` while the store can serve; what is wrong otherwise. Readiness asks this (R11).
    fn health(&self) -> Result<(), Error>;

    /// What an operator should know although the store can serve; readiness tells it.
    fn caution(&self) -> Option<&'static str> {
        None
    }

    /// Whether this node's clock is that of the others, as far as the store can tell: without it nothing can be
    /// decided, whether the store is needed for it or not (F15).
    fn tells_the_time(&self) -> bool {
        true
    }
}

/// Runs a read of at most one row.
pub async fn fetch_one(driver: &dyn Driver, query: Query) -> Result<Option<Row>, Error> {
    Ok(driver.fetch(query).await?.into_iter().next())
}

/// The 16 bytes of an id that a read of at most one row has in its only column.
pub(crate) async fn fetch_id(
    driver: &dyn Driver,
    table: &'static str,
    column: &'static str,
    query: Query,
) -> Result<Option<[u8; 16]>, Error> {
    let row = fetch_one(driver, query).await?;
    row.map(|row| Columns::of(table, row).array(column))
        .transpose()
}
