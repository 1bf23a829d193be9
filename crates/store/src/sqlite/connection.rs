//! Connections with the production settings, each read back, and statements on them.

use std::path::Path;

use rusqlite::{
    CachedStatement, Connection, ErrorCode, OpenFlags, config::DbConfig, types::ValueRef,
};

use crate::{
    error::Error,
    statement::{Query, Rows, Statement},
    value::{Row, Value},
};

/// SQLite 3.7.0–3.51.2 can corrupt a WAL when two connections write and checkpoint together.
pub(super) const OLDEST: i32 = 3_051_003;
const _: () = assert!(
    rusqlite::ffi::SQLITE_VERSION_NUMBER >= OLDEST,
    "SQLite 3.51.3 or newer"
);

/// One process has the store, as its lock file says too. Then the index of the log is memory of this process, and a read
/// takes and lets go its lock without the four system calls that others would have to see.
const ALONE: &str = "unix-excl";

/// How many prepared statements a connection keeps; more than there are queries.
const STATEMENTS: usize = 128;

/// Opens an existing database for writing, as it is: nothing is written before it is known to be
/// ours. [`configure`] comes after that.
pub(super) fn existing(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(path, flags, ALONE)
}

/// Creates a database that is not there yet.
pub(super) fn create(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    configure(Connection::open_with_flags_and_vfs(path, flags, ALONE)?)
}

/// Opens an existing database for reading; never checkpoints.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = configure(Connection::open_with_flags_and_vfs(path, flags, ALONE)?)?;
    connection.pragma_update(None, "query_only", true)?;
    close_without_checkpoint(&connection)?;
    Ok(connection)
}

/// Closing does not checkpoint: after a sync that failed, the log must stay as it is. The writer
/// makes the last checkpoint itself when all is well.
pub(super) fn close_without_checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let switch = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(switch, true).map(|_| ())
}

/// Makes the production settings, and reads each back.
pub(super) fn configure(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let settings = [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
    ];
    for (name, value) in settings {
        connection.pragma_update(None, name, value)?;
    }
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // Otherwise a statement is parsed and planned anew whenever its parameters change, in case another plan
    // would suit them better: most of what a read cost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let kept = settings.iter().all(|(name, value)| {
        let read: rusqlite::Result<i64> =
            connection.pragma_query_value(None, name, |row| row.get(0));
        read.is_ok_and(|read| read == *value)
    });
    if mode == "wal" && kept {
        Ok(connection)
    } else {
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some("SQLite did not take the settings that keep data safe".to_owned()),
        ))
    }
}

/// Runs a read to its end.
pub(super) fn fetch(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(query.sql)?;
    bind(&mut statement, &query.parameters)?;
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row, width)?);
    }
    Ok(out)
}

/// Runs a write; answers how many rows it touched and whether its guard holds.
pub(super) fn execute(
    connection: &Connection,
    statement: &Statement,
) -> rusqlite::Result<(usize, bool)> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    bind(&mut prepared, &statement.parameters)?;
    let changed = prepared.raw_execute()?;
    let holds = match statement.must_change {
        Rows::Any => true,
        Rows::Exactly(rows) => changed == rows,
    };
    Ok((changed, holds))
}

/// Binds `$1`, `$2`, … by name: SQLite numbers them by first appearance, not by their digits.
fn bind(statement: &mut CachedStatement<'_>, parameters: &[Value]) -> rusqlite::Result<()> {
    const NAMES: [&str; 20] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14",
        "$15", "$16", "$17", "$18", "$19", "$20",
    ];
    for (value, name) in parameters.iter().zip(NAMES) {
        let index = statement
            .parameter_index(name)?
            .ok_or_else(|| rusqlite::Error::InvalidParameterName(name.to_owned()))?;
        match value {
            Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null)?,
            Value::Integer(value) => statement.raw_bind_parameter(index, value)?,
            Value::Text(value) => statement.raw_bind_parameter(index, value)?,
            Value::Bytes(value) => statement.raw_bind_parameter(index, value)?,
        }
    }
    if parameters.len() == statement.parameter_count() {
        Ok(())
    } else {
        Err(rusqlite::Error::InvalidParameterCount(
            parameters.len(),
            statement.parameter_count(),
        ))
    }
}

/// A row with all its columns.
pub(super) fn read(row: &rusqlite::Row<'_>, width: usize) -> rusqlite::Result<Row> {
    let values = (0..width).map(|column| row.get_ref(column).map(value));
    Ok(Row(values.collect::<rusqlite::Result<_>>()?))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        // STRICT tables hold no reals; one that appears is shown as impossible text.
        ValueRef::Real(value) => Value::Text(value.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// What an SQLite error means for whoever asked.
pub(super) fn translate(error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => Error::Unavailable(error.to_string()),
        _ => Error::Statement(error.to_string()),
    }
}
