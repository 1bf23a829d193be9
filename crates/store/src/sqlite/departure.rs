//! Every row of a store, for its move to another one.

use rusqlite::Connection;

use super::{connection, store::SqliteStore};
use crate::{
    error::Error,
    table::Table,
    value::{Row, Value},
};

/// Rows that are handed on at once.
const AT_ONCE: usize = 500;

impl SqliteStore {
    /// Every table, with its columns and how many rows it has.
    pub(crate) fn tables(&self) -> Result<Vec<Table>, Error> {
        self.readers().with(|connection| {
            let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                 ORDER BY name";
            let mut names = connection.prepare(names)?;
            let names = names.query_map((), |row| row.get(0))?;
            names.map(|name| table(connection, name?)).collect()
        })
    }

    /// Hands on every row of a table until nobody takes them any more.
    pub(crate) fn each(
        &self,
        table: &Table,
        mut take: impl FnMut(Vec<Row>) -> bool,
    ) -> Result<(), Error> {
        let sql = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
        self.readers().with(|connection| {
            let mut statement = connection.prepare(&sql)?;
            let width = statement.column_count();
            let mut rows = statement.query(())?;
            let mut some = Vec::with_capacity(AT_ONCE);
            while let Some(row) = rows.next()? {
                let Row(values) = connection::read(row, width)?;
                some.push(Row(values.into_iter().map(without_nul).collect()));
                if some.len() == AT_ONCE && !take(std::mem::take(&mut some)) {
                    return Ok(());
                }
            }
            take(some);
            Ok(())
        })
    }
}

/// Text may have been written before it had to be without NUL.
fn without_nul(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::from(text),
        other => other,
    }
}

fn table(connection: &Connection, name: String) -> rusqlite::Result<Table> {
    let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let columns = columns.query_map([&name], |row| row.get(0))?;
    let count = format!("SELECT count(*) FROM {name}");
    let rows: i64 = connection.query_row(&count, (), |row| row.get(0))?;
    Ok(Table {
        columns: columns.collect::<rusqlite::Result<_>>()?,
        rows: rows.unsigned_abs(),
        name,
    })
}
