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
    /// Which node.
    pub node: String,
    /// The number of its last audit record.
    pub seq: i64,
    /// How often the store had gone back before.
    pub epoch: i64,
}

/// What a node may remember from now on.
pub async fn seen(driver: &dyn Driver, node: &str) -> Result<Seen, Error> {
    Ok(Seen {
        node: node.to_owned(),
        seq: audit::last_sequence(driver, node).await?,
        epoch: epoch(driver).await?,
    })
}

/// Compares what was seen with what is there; a store that lost it is marked, for every node to report.
pub async fn compare(driver: &dyn Driver, seen: &Seen) -> Result<Option<RolledBack>, Error> {
    let now = audit::last_sequence(driver, &seen.node).await?;
    // Since a node that noticed has raised the epoch, nobody else need notice the same.
    if now < seen.seq && epoch(driver).await? == seen.epoch {
        driver.apply(noticing(seen, now)).await?;
    }
    reported(driver).await
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

async fn epoch(driver: &dyn Driver) -> Result<i64, Error> {
    let query = Query::new("SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'store_epoch'");
    let row = driver::fetch_one(driver, query).await?;
    row.map_or(Ok(0), |row| Columns::of("meta", row).integer("value"))
}

fn noticing(seen: &Seen, now: i64) -> Plan {
    let raise =
        Statement::one("UPDATE meta SET value = $1 WHERE name = 'store_epoch' AND value = $2");
    let mark = "INSERT INTO meta (name, value) VALUES ('rolled_back', $1) \
                ON CONFLICT (name) DO UPDATE SET value = $1";
    let detail = format!("{now} {}", seen.seq);
    Plan::of(
        raise
            .bind((seen.epoch + 1).to_string())
            .bind(seen.epoch.to_string()),
    )
    .then(Statement::any(mark).bind(detail))
}

/// The statement that ends the reports: an operator knows, and has decided what to do.
pub fn accepting() -> Statement {
    Statement::any("DELETE FROM meta WHERE name = 'rolled_back'")
}
