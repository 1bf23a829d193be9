//! Values on the wire: each is sent as the type that the statement has in its place, or refused.

use std::error::Error as StdError;

use bytes::BytesMut;
use tokio_postgres::{
    Row as PostgresRow,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

use crate::value::{Row, Value};

type Problem = Box<dyn StdError + Sync + Send>;

/// Whether the value can stand where a statement has that type.
pub(super) fn fits(value: &Value, ty: &Type) -> bool {
    match value {
        Value::Null => true,
        Value::Integer(_) => *ty == Type::INT8,
        Value::Text(_) => <&str as ToSql>::accepts(ty),
        Value::Bytes(_) => *ty == Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Problem> {
        match self {
            // Kinds only: parameters hold secrets.
            unfit if !fits(unfit, ty) => Err(format!("{unfit:?} where {ty} belongs").into()),
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Bytes(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Problem> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Integer),
            Type::INT4 => i32::from_sql(ty, raw).map(|value| Self::Integer(value.into())),
            Type::BYTEA => <&[u8]>::from_sql(ty, raw).map(|value| Self::Bytes(value.to_vec())),
            _ => String::from_sql(ty, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Problem> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BYTEA].contains(ty) || <String as FromSql<'_>>::accepts(ty)
    }
}

/// What the first column says a row is for, counted from zero.
pub(super) fn place(row: &PostgresRow) -> Result<usize, tokio_postgres::Error> {
    let place: i64 = row.try_get(0)?;
    Ok(usize::try_from(place - 1).unwrap_or(usize::MAX))
}

/// A row with its columns from `first` on.
pub(super) fn row(row: &PostgresRow, first: usize) -> Result<Row, tokio_postgres::Error> {
    (first..row.len())
        .map(|column| row.try_get(column))
        .collect::<Result<_, _>>()
        .map(Row)
}
