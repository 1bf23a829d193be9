//! Making and opening a store: reach it, look at its schema, migrate.

use super::{
    address::Address,
    condition::Condition,
    connection::Connection,
    error::{self, Trouble},
};
use crate::{
    migrate::{Migration, POSTGRES},
    statement::Query,
    value::{Row, Value},
};

/// Why a store cannot be opened or made; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not answer, or does not let us in.
    #[error("{address} cannot be reached: {problem}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        problem: String,
    },
    /// There is no store.
    #[error("there is no store in {0}; run `claviger init --store …` to make one")]
    NotInitialised(String),
    /// There is one already.
    #[error("there is a store in {0} already; name another database")]
    AlreadyThere(String),
    /// Written by a newer release.
    #[error("the store has schema {found}, this release knows up to {known}; use a newer release")]
    Newer {
        /// The store's schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// PostgreSQL refused a statement.
    #[error("PostgreSQL failed: {0}")]
    Database(String),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error::text(&error))
    }
}

/// Makes a new store in a database that has none.
pub(super) async fn create(
    address: &Address,
    condition: &Condition,
    store_id: &str,
) -> Result<(), OpenError> {
    let connection = empty(address, condition).await?;
    let (steps, newest) = (steps(), newest());
    let quoted = store_id.replace('\'', "''");
    let script = format!(
        "BEGIN;\n{steps}\n\
         INSERT INTO meta (name, value) \
         VALUES ('schema', '{newest}'), ('store_id', '{quoted}'), ('store_epoch', '1');\n\
         COMMIT"
    );
    connection.run(&script).await?;
    confirmed(&connection)
}

/// Whether the standby, where there is one, has what was committed.
pub(super) fn confirmed(connection: &Connection) -> Result<(), OpenError> {
    if connection.was_warned() {
        let why = "the standby has not confirmed the commit: look at the server's log".to_owned();
        return Err(OpenError::Database(why));
    }
    Ok(())
}

/// A connection to a database that has no store.
pub(super) async fn empty(
    address: &Address,
    condition: &Condition,
) -> Result<Connection, OpenError> {
    let mut connection = connect(address, condition).await?;
    if schema(&mut connection).await?.is_some() {
        return Err(OpenError::AlreadyThere(address.to_string()));
    }
    Ok(connection)
}

/// All of the schema.
pub(super) fn steps() -> String {
    let steps: Vec<&str> = POSTGRES.iter().map(|step| step.sql).collect();
    steps.join("\n")
}

/// Brings an existing store to this release's schema.
pub(super) async fn prepare(address: &Address, condition: &Condition) -> Result<(), OpenError> {
    let mut connection = connect(address, condition).await?;
    let Some(found) = schema(&mut connection).await? else {
        return Err(OpenError::NotInitialised(address.to_string()));
    };
    let known = newest();
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in POSTGRES.iter().filter(|step| step.number > found) {
        migrate(&mut connection, step).await?;
    }
    Ok(())
}

/// One step, whole. Nodes that start at once wait for each other at the row, and find the step done.
async fn migrate(connection: &mut Connection, step: &Migration) -> Result<(), OpenError> {
    connection.run("BEGIN").await?;
    // A step over a large table takes as long as it takes, and whoever comes second waits for it.
    connection
        .run("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        .await?;
    let lock = Query::new("UPDATE meta SET value = value WHERE name = 'schema' RETURNING value");
    if number(&connection.fetch(&lock).await?) == Some(step.number - 1) {
        connection.run(step.sql).await?;
        let number = step.number;
        let sql = format!("UPDATE meta SET value = '{number}' WHERE name = 'schema'");
        connection.run(&sql).await?;
    }
    connection.run("COMMIT").await?;
    confirmed(connection)
}

async fn connect(address: &Address, condition: &Condition) -> Result<Connection, OpenError> {
    if address.hosts.len() > 1 {
        Connection::survey(address, condition).await;
    }
    let opened = Connection::open(address, condition).await;
    opened.map_err(|trouble: Trouble| OpenError::Unreachable {
        address: address.to_string(),
        problem: trouble.reason(),
    })
}

/// The number of the store's schema; nothing where there is no store.
async fn schema(connection: &mut Connection) -> Result<Option<i64>, OpenError> {
    let there = Query::new(
        "SELECT count(*) FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_name = 'meta'",
    );
    if number(&connection.fetch(&there).await?) != Some(1) {
        return Ok(None);
    }
    let schema = Query::new("SELECT value FROM meta WHERE name = 'schema'");
    Ok(number(&connection.fetch(&schema).await?))
}

/// The number in the only column of the only row.
fn number(rows: &[Row]) -> Option<i64> {
    match rows.first()?.0.first()? {
        Value::Integer(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn newest() -> i64 {
    POSTGRES.last().map_or(0, |step| step.number)
}
