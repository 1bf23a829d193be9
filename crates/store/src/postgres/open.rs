//! Making and opening a store: reach it, look at its schema, migrate.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;

use super::{
    address::Address,
    condition::Condition,
    connection::{self, Connection},
    error::{self, Trouble},
};
use crate::{
    migrate::{Migration, POSTGRES},
    statement::{Plan, Query, Rows, Statement},
    value::{Row, Value},
};

/// How long a commit may wait for the standby, and a server for its first word: what a commit ends may have taken
/// long, these do not.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long others have the tables to themselves until a schema step is tried again.
const BETWEEN_STEPS: Duration = Duration::from_secs(1);

/// Begins a transaction that takes as long as it takes: whoever started it is watching. It waits for nobody
/// else's for longer than any statement does.
const UNHURRIED: &str = "BEGIN; SET LOCAL statement_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0";

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
    /// The change may be kept or not.
    #[error(
        "PostgreSQL did not confirm that the change is kept: {0}. If it has a synchronous standby, see that \
         it runs"
    )]
    Unconfirmed(String),
    /// PostgreSQL refused a statement.
    #[error("PostgreSQL failed: {0}")]
    Database(String),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = error::text(&error);
        Self::Database(if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            format!("{text}; make this user the owner of the database, or of its tables")
        } else {
            text
        })
    }
}

/// Makes a new store in a database that has none, with what `first` writes, in one transaction.
pub(super) async fn create(
    address: &Address,
    condition: &Condition,
    store_id: &str,
    first: &Plan,
) -> Result<(), OpenError> {
    let connection = begin(address, condition).await?;
    let newest = newest().to_string();
    let meta = [
        ("schema", newest.as_str()),
        ("store_id", store_id),
        ("store_epoch", "1"),
    ];
    let meta = meta.map(|(name, value)| {
        Statement::one("INSERT INTO meta (name, value) VALUES ($1, $2)")
            .bind(name)
            .bind(value)
    });
    for statement in meta.iter().chain(&first.0) {
        let parameters = connection::parameters(&statement.parameters);
        let changed = connection
            .client()
            .execute(statement.sql, &parameters)
            .await?;
        if matches!(statement.must_change, Rows::Exactly(due) if due != connection::count(changed))
        {
            return Err(OpenError::Database(
                "a guard does not hold in a new store".to_owned(),
            ));
        }
    }
    commit(&connection).await
}

/// Ends a transaction of ours, and knows that its change is kept, at the standby too where there is one.
pub(super) async fn commit(connection: &Connection) -> Result<(), OpenError> {
    let unconfirmed = |why: &str| Err(OpenError::Unconfirmed(why.to_owned()));
    match timeout(PATIENCE, connection.run_kept("COMMIT")).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => unconfirmed("it has stopped waiting for its standby"),
        Ok(Err(failed)) if error::is_answer(&failed) => Err(failed.into()),
        Ok(Err(failed)) => unconfirmed(&error::text(&failed)),
        Err(_) => unconfirmed("it did not answer in time"),
    }
}

/// A connection to a database that has no store, in a transaction in which the tables have been made. That
/// may be given as long as it takes.
pub(super) async fn begin(
    address: &Address,
    condition: &Condition,
) -> Result<Connection, OpenError> {
    let mut connection = connect(address, condition).await?;
    if schema(&mut connection).await?.is_some() {
        return Err(OpenError::AlreadyThere(address.to_string()));
    }
    connection.run(UNHURRIED).await?;
    let steps: Vec<&str> = POSTGRES.iter().map(|step| step.sql).collect();
    connection.run(&steps.join("\n")).await?;
    Ok(connection)
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
    loop {
        connection.run(UNHURRIED).await?;
        match step_once(connection, step).await {
            Ok(()) => return commit(connection).await,
            // Another node does it, or somebody reads a table for long, as a dump does. Waiting in that queue would
            // keep everybody behind it from reading.
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                connection.run("ROLLBACK").await?;
                tracing::info!(
                    step = step.number,
                    "a table is in use by somebody; the store is brought forward once it is not"
                );
                sleep(BETWEEN_STEPS).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn step_once(
    connection: &mut Connection,
    step: &Migration,
) -> Result<(), tokio_postgres::Error> {
    let lock = Query::new("UPDATE meta SET value = value WHERE name = 'schema' RETURNING value");
    if number(&connection.fetch(&lock).await?) == Some(step.number - 1) {
        connection.run("SET LOCAL lock_timeout = '300ms'").await?;
        connection.run(step.sql).await?;
        let number = step.number;
        let sql = format!("UPDATE meta SET value = '{number}' WHERE name = 'schema'");
        connection.run(&sql).await?;
    }
    Ok(())
}

async fn connect(address: &Address, condition: &Condition) -> Result<Connection, OpenError> {
    let is_new = condition.lineage().system == 0;
    if address.hosts.len() > 1 {
        Connection::survey(address, condition).await;
    }
    // Which of them is meant is not for chance to say.
    if is_new && condition.met_another() {
        return Err(OpenError::Unreachable {
            address: address.to_string(),
            problem: "its hosts are different databases, and not standbys of one; name one of them"
                .to_owned(),
        });
    }
    let opened = Connection::open(address, condition).await;
    opened.map_err(|trouble: Trouble| OpenError::Unreachable {
        address: address.to_string(),
        problem: trouble.reason(),
    })
}

/// The number of the store's schema; nothing where there is no store.
async fn schema(connection: &mut Connection) -> Result<Option<i64>, OpenError> {
    let reading = timeout(PATIENCE, read_schema(connection)).await;
    reading.unwrap_or_else(|_| Err(OpenError::Database("it does not answer".to_owned())))
}

async fn read_schema(connection: &mut Connection) -> Result<Option<i64>, OpenError> {
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
