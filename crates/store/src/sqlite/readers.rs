//! Reading connections, used where the caller stands.
//!
//! WAL readers never wait for the writer, and a point read of a cached page takes microseconds:
//! less than a hop to another thread and back. A read therefore runs inline.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use rusqlite::Connection;

use super::connection;
use crate::{error::Error, statement::Query, value::Row};

pub(super) struct Readers {
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// More connections than this are closed again after use.
const KEPT: usize = 8;

impl Readers {
    pub(super) fn of(database: PathBuf) -> Self {
        Self {
            database,
            idle: Mutex::default(),
        }
    }

    pub(super) fn fetch(&self, query: &Query) -> Result<Vec<Row>, Error> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::reader(&self.database).map_err(|e| connection::translate(&e))?,
        };
        let rows = connection::fetch(&connection, query).map_err(|e| connection::translate(&e));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        rows
    }

    /// Copies the database as it stands to a new file.
    pub(super) fn backup(&self, target: &str) -> Result<(), Error> {
        let copy = || {
            let connection = connection::reader(&self.database)?;
            connection.pragma_update(None, "query_only", false)?;
            connection.execute("VACUUM INTO ?1", [target])
        };
        copy()
            .map(|_| ())
            .map_err(|error| connection::translate(&error))
    }

    pub(super) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
