//! A store that has gone back in time, until somebody accepts it (R12).
//!
//! A store on a file notices by its own witness; of one that nodes share, each node remembers the last of its
//! audit records that it has seen there.

use super::audit;
use crate::{
    driver::{self, Driver},
    error::Error,
    rolled_back::RolledBack,
    statement::{Plan, Query, Statement},
    value::Columns,
};

/// What somebody remembers to have been in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which store.
    pub store_id: String,
    /// Which node.
    pub node: String,
    /// The number of its last audit record; zero where there was none yet.
    pub seq: i64,
    /// How often the store had gone back before.
    pub epoch: i64,
}

impl Seen {
    /// Whether the same store has lost something of `earlier`.
    pub fn is_behind(&self, earlier: &Self) -> bool {
        let lost = self.node == earlier.node && self.seq < earlier.seq;
        self.store_id == earlier.store_id
            && (self.epoch < earlier.epoch || (self.epoch == earlier.epoch && lost))
    }
}

/// What a node may remember from now on: all of it from one moment.
pub async fn seen(driver: &dyn Driver, node: &str) -> Result<Seen, Error> {
    let query = Query::new(
        "SELECT i.value AS store_id, CAST(e.value AS BIGINT) AS epoch, \
           (SELECT coalesce(max(seq), 0) FROM audit WHERE node = $1) AS seq \
         FROM meta i JOIN meta e ON e.name = 'store_epoch' WHERE i.name = 'store_id'",
    );
    let (store_id, epoch, seq) = read(driver, query.bind(node)).await?;
    Ok(Seen {
        store_id,
        node: node.to_owned(),
        seq,
        epoch,
    })
}

/// Compares what was seen with what is there; a store that lost it is marked, for every node to report. That a
/// node has written more since hides nothing: the very record must be there.
pub async fn compare(driver: &dyn Driver, seen: &Seen) -> Result<Option<RolledBack>, Error> {
    let query = Query::new(
        "SELECT i.value AS store_id, CAST(e.value AS BIGINT) AS epoch, \
           (SELECT count(*) FROM audit WHERE node = $1 AND seq = $2) AS there \
         FROM meta i JOIN meta e ON e.name = 'store_epoch' WHERE i.name = 'store_id'",
    );
    let (store_id, epoch, there) =
        read(driver, query.bind(seen.node.as_str()).bind(seen.seq)).await?;
    // Another store was never ahead. A node that noticed has raised the epoch, so that nobody else need notice the
    // same; and an epoch below the one that was seen is that of a copy from before an earlier loss was settled.
    let is_behind = epoch < seen.epoch || (epoch == seen.epoch && seen.seq > 0 && there == 0);
    if is_behind && store_id == seen.store_id {
        let last = audit::last_sequence(driver, &seen.node).await?;
        driver.apply(noticing(seen, epoch, last)).await?;
    }
    reported(driver).await
}

/// The store's name, its epoch, and a number.
async fn read(driver: &dyn Driver, query: Query) -> Result<(String, i64, i64), Error> {
    let Some(row) = driver::fetch_one(driver, query).await? else {
        return Err(Error::Unavailable("the store has no name".to_owned()));
    };
    let mut columns = Columns::of("meta", row);
    Ok((
        columns.text("store_id")?,
        columns.integer("epoch")?,
        columns.integer("number")?,
    ))
}

/// What is still to be accepted.
pub async fn reported(driver: &dyn Driver) -> Result<Option<RolledBack>, Error> {
    let query = Query::new("SELECT value FROM meta WHERE name = 'rolled_back'");
    let Some(row) = driver::fetch_one(driver, query).await? else {
        return Ok(None);
    };
    let text = Columns::of("meta", row).text("value")?;
    Ok(RolledBack::read(&text))
}

fn noticing(seen: &Seen, epoch: i64, now: i64) -> Plan {
    let raise =
        Statement::one("UPDATE meta SET value = $1 WHERE name = 'store_epoch' AND value = $2");
    let mark = "INSERT INTO meta (name, value) VALUES ('rolled_back', $1) \
                ON CONFLICT (name) DO UPDATE SET value = $1";
    let lost = RolledBack {
        store: now.unsigned_abs(),
        witness: seen.seq.unsigned_abs(),
    };
    Plan::of(
        raise
            .bind((seen.epoch + 1).to_string())
            .bind(epoch.to_string()),
    )
    .then(Statement::any(mark).bind(lost.text()))
}

/// The statement that ends the reports: an operator knows, and has decided what to do.
pub fn accepting() -> Statement {
    Statement::any("DELETE FROM meta WHERE name = 'rolled_back'")
}
