//! What a node of a shared store remembers of it, beside the store: a database that was restored, or a standby
//! that lacked what was acknowledged, does not know that it has gone back in time (R12).

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use claviger_store::{
    driver::Driver,
    error::Error,
    repository::rollback::{self, Seen},
    rolled_back::RolledBack,
};

/// The file in the data directory: a node's name, the number of its last audit record, the store's epoch.
pub(crate) struct Witness {
    path: PathBuf,
}

impl Witness {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("store.witness"),
        }
    }

    /// Compares what is remembered with the store.
    pub(crate) async fn compare(&self, store: &dyn Driver) -> Result<Option<RolledBack>, Error> {
        match self.read() {
            Some(seen) => rollback::compare(store, &seen).await,
            None => rollback::reported(store).await,
        }
    }

    fn read(&self) -> Option<Seen> {
        let text = fs::read_to_string(&self.path).ok()?;
        let mut words = text.split_whitespace();
        Some(Seen {
            node: words.next()?.to_owned(),
            seq: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
        })
    }

    /// Remembers this instead, and waits for the disk.
    pub(crate) fn write(&self, seen: &Seen) -> io::Result<()> {
        let new = self.path.with_extension("witness-new");
        let mut file = File::create(&new)?;
        writeln!(file, "{} {} {}", seen.node, seen.seq, seen.epoch)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        self.path
            .parent()
            .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}
