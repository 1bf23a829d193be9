//! A store that arrives from elsewhere: all of it in one transaction, or nothing.

use std::pin::Pin;

use futures_util::TryStreamExt as _;
use tokio_postgres::{binary_copy::BinaryCopyInWriter, types::ToSql};

use super::{
    address::Address,
    condition::Condition,
    connection::Connection,
    open::{self, OpenError},
    value,
};
use crate::{
    table::{Digest, Table},
    value::Row,
};

/// A connection in whose transaction the store is made.
pub(crate) struct Arrival(Connection);

/// A table that is being filled.
pub(crate) struct Filling(Pin<Box<BinaryCopyInWriter>>);

impl Arrival {
    /// Makes the tables in a database that has no store.
    pub(crate) async fn begin(address: &Address) -> Result<Self, OpenError> {
        Ok(Self(open::begin(address, &Condition::default()).await?))
    }

    /// Begins to fill a table.
    pub(crate) async fn fill(&self, table: &Table) -> Result<Filling, OpenError> {
        let (name, columns) = (&table.name, table.columns.join(", "));
        let client = self.0.client();
        let shape = client
            .prepare(&format!("SELECT {columns} FROM {name}"))
            .await?;
        let types: Vec<_> = shape
            .columns()
            .iter()
            .map(|column| column.type_().clone())
            .collect();
        let sql = format!("COPY {name} ({columns}) FROM STDIN BINARY");
        let sink = client.copy_in(&sql).await?;
        Ok(Filling(Box::pin(BinaryCopyInWriter::new(sink, &types))))
    }

    /// What a table holds now.
    pub(crate) async fn digest(&self, table: &Table) -> Result<Digest, OpenError> {
        let (name, columns) = (&table.name, table.columns.join(", "));
        let sql = format!("SELECT {columns} FROM {name}");
        let nothing: [&(dyn ToSql + Sync); 0] = [];
        let rows = self.0.client().query_raw(&sql, nothing).await?;
        let mut rows = std::pin::pin!(rows);
        let mut digest = Digest::default();
        while let Some(row) = rows.try_next().await? {
            digest.add(&value::row(&row, 0)?);
        }
        Ok(digest)
    }

    /// Makes it the store.
    pub(crate) async fn finish(self) -> Result<(), OpenError> {
        open::commit(&self.0).await
    }
}

impl Filling {
    /// Adds a row.
    pub(crate) async fn add(&mut self, row: &Row) -> Result<(), OpenError> {
        let values: Vec<&(dyn ToSql + Sync)> = row.0.iter().map(|value| value as _).collect();
        Ok(self.0.as_mut().write(&values).await?)
    }

    /// Ends it.
    pub(crate) async fn finish(mut self) -> Result<(), OpenError> {
        self.0.as_mut().finish().await?;
        Ok(())
    }
}
