//! Reading connections, used where the caller stands.
//!
//! WAL readers never wait for the writer, and a point read of a cached page takes microseconds:
//! less than a hop to another thread and back. A read therefore runs inline.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use super::{
    condition::Condition, connection, private_file::new_private_file, witness::sync_directory_of,
};
use crate::{error::Error, statement::Query, value::Row};

pub(super) struct Readers {
    database: PathBuf,
    condition: Arc<Condition>,
    idle: Mutex<Vec<Connection>>,
}

/// More connections than this are closed again after use.
const KEPT: usize = 8;

impl Readers {
    pub(super) fn of(database: PathBuf, condition: Arc<Condition>) -> Self {
        Self {
            database,
            condition,
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
            None => connection::reader(&self.database).map_err(|error| self.fail(&error))?,
        };
        let rows = connection::fetch(&connection, query).map_err(|error| self.fail(&error))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(rows)
    }

    /// Reads in ways of its own, on a connection of its own.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let connection = connection::reader(&self.database);
        let read = connection.and_then(|connection| read(&connection));
        read.map_err(|error| self.fail(&error))
    }

    /// A damaged page is as bad when a reader meets it.
    fn fail(&self, error: &rusqlite::Error) -> Error {
        self.condition.stop_if_fatal(error);
        connection::translate(error)
    }

    /// Copies the database as it stands to a new file that only its owner may read.
    pub(super) fn backup(&self, target: &Path) -> Result<(), Error> {
        let broken =
            |error: io::Error| Error::Unavailable(format!("{}: {error}", target.display()));
        let name = target.to_str().ok_or_else(|| {
            Error::Unavailable("the path of a backup must be valid UTF-8".to_owned())
        })?;
        // SQLite fills an empty file, and refuses one that holds something.
        let file = new_private_file(target).map_err(broken)?;
        let copy = || {
            let connection = connection::reader(&self.database)?;
            connection.pragma_update(None, "query_only", false)?;
            connection.execute("VACUUM INTO ?1", [name])
        };
        copy().map_err(|error| {
            let _ = std::fs::remove_file(target);
            // What fails is most likely the medium of the backup; the store is not to suffer.
            connection::translate(&error)
        })?;
        // VACUUM INTO leaves the syncing to us.
        file.sync_all()
            .and_then(|()| sync_directory_of(target))
            .map_err(broken)
    }

    pub(super) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
