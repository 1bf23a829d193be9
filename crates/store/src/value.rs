//! What goes into statements and comes out of rows.

use claviger_model::time::Timestamp;

use crate::error::Error;

/// A parameter or a column: the types that both databases share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer: counters, generations, seconds since the epoch.
    Integer(i64),
    /// Text without NUL, which PostgreSQL has no place for: U+FFFD stands for it.
    Text(String),
    /// Bytes: random ids, secrets, digests.
    Bytes(Vec<u8>),
}

impl std::fmt::Debug for Value {
    /// Kinds only: parameters hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Integer(_) => "Integer",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<u8> for Value {
    fn from(value: u8) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(if value.contains('\0') {
            value.replace('\0', "\u{fffd}")
        } else {
            value
        })
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(value.epoch_seconds())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row as it came out, its columns in the order of the query.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Value>);

/// Reads a row column by column, in order; an impossible value is named by table and column.
pub(crate) struct Columns {
    table: &'static str,
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    pub(crate) fn of(table: &'static str, row: Row) -> Self {
        Self {
            table,
            values: row.0.into_iter(),
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over an error or a sentence they have no more use for"
    )]
    pub(crate) fn impossible(&self, column: &'static str, problem: impl ToString) -> Error {
        Error::Inconsistent {
            table: self.table,
            column,
            problem: problem.to_string(),
        }
    }

    fn next(&mut self, column: &'static str) -> Result<Value, Error> {
        self.values
            .next()
            .ok_or_else(|| self.impossible(column, "missing from the row"))
    }

    pub(crate) fn integer(&mut self, column: &'static str) -> Result<i64, Error> {
        match self.next(column)? {
            Value::Integer(value) => Ok(value),
            other => Err(self.impossible(column, format!("{other:?} where an integer belongs"))),
        }
    }

    pub(crate) fn small<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, Error> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|_| self.impossible(column, "number out of range"))
    }

    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, Error> {
        self.integer(column).map(Timestamp::from_epoch_seconds)
    }

    pub(crate) fn time_or_null(
        &mut self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, Error> {
        match self.next(column)? {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(Timestamp::from_epoch_seconds(value))),
            other => Err(self.impossible(column, format!("{other:?} where a time belongs"))),
        }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<String, Error> {
        self.text_or_null(column)?
            .ok_or_else(|| self.impossible(column, "NULL where text belongs"))
    }

    pub(crate) fn text_or_null(&mut self, column: &'static str) -> Result<Option<String>, Error> {
        match self.next(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(self.impossible(column, format!("{other:?} where text belongs"))),
        }
    }

    pub(crate) fn bytes_or_null(&mut self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        match self.next(column)? {
            Value::Null => Ok(None),
            Value::Bytes(value) => Ok(Some(value)),
            other => Err(self.impossible(column, format!("{other:?} where bytes belong"))),
        }
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<Vec<u8>, Error> {
        self.bytes_or_null(column)?
            .ok_or_else(|| self.impossible(column, "NULL where bytes belong"))
    }

    pub(crate) fn array<const N: usize>(&mut self, column: &'static str) -> Result<[u8; N], Error> {
        self.array_or_null(column)?
            .ok_or_else(|| self.impossible(column, "NULL where bytes belong"))
    }

    pub(crate) fn array_or_null<const N: usize>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, Error> {
        let bytes = self.bytes_or_null(column)?;
        bytes
            .map(|bytes| {
                bytes
                    .try_into()
                    .map_err(|_| self.impossible(column, "bytes of the wrong length"))
            })
            .transpose()
    }
}
