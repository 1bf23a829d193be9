//! The audit log: append-only, written in the plan of the change it records.

use claviger_model::{audit::Record, id::SessionId, time::Timestamp};

use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

/// A record as it was written, with its place in the node's log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The node that wrote it.
    pub node: String,
    /// Its number there; numbers grow, gaps mean nothing.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What, as spelled when written.
    pub action: String,
    /// Who.
    pub actor: String,
    /// On what.
    pub subject: String,
    /// Which session.
    pub session_id: Option<SessionId>,
    /// Through which client.
    pub client: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// What else.
    pub detail: String,
}

/// The statement that appends a record.
pub fn appending(node: &str, seq: i64, record: &Record) -> Statement {
    Statement::one(
        "INSERT INTO audit (node, seq, at, action, actor, subject, sid, client, address, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(node)
    .bind(seq)
    .bind(record.at)
    .bind(record.action.as_str())
    .bind(record.actor.as_str())
    .bind(record.subject.as_str())
    .bind(record.session_id.as_ref().map(SessionId::as_bytes))
    .bind(record.client.as_deref())
    .bind(record.address.as_deref())
    .bind(record.detail.as_str())
}

/// The highest number a node has used, 0 at first.
pub async fn last_sequence(driver: &dyn Driver, node: &str) -> Result<i64, Error> {
    let query = Query::new("SELECT seq FROM audit WHERE node = $1 ORDER BY seq DESC LIMIT 1");
    let row = driver::fetch_one(driver, query.bind(node)).await?;
    row.map_or(Ok(0), |row| Columns::of("audit", row).integer("seq"))
}

/// The latest `limit` records since `since`, oldest first.
pub async fn latest(
    driver: &dyn Driver,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let query = Query::new(
        "SELECT node, seq, at, action, actor, subject, sid, client, address, detail FROM audit \
         WHERE at >= $1 ORDER BY at DESC, node DESC, seq DESC LIMIT $2",
    );
    let rows = driver.fetch(query.bind(since).bind(limit)).await?;
    let mut entries = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    entries.reverse();
    Ok(entries)
}

fn read(row: Row) -> Result<Entry, Error> {
    let mut columns = Columns::of("audit", row);
    Ok(Entry {
        node: columns.text("node")?,
        seq: columns.integer("seq")?,
        at: columns.time("at")?,
        action: columns.text("action")?,
        actor: columns.text("actor")?,
        subject: columns.text("subject")?,
        session_id: columns.array_or_null("sid")?.map(SessionId::from_bytes),
        client: columns.text_or_null("client")?,
        address: columns.text_or_null("address")?,
        detail: columns.text("detail")?,
    })
}
