//! What a node of a shared store remembers of it, beside the store: a database that was restored, or a standby
//! that lacked what was acknowledged, does not know that it has gone back in time (R12).

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use claviger_store::{
    driver::Driver,
    repository::rollback::{self, Seen},
    rolled_back::RolledBack,
};

/// The file in the data directory: the store's name, a node's, the number of its last audit record, the store's
/// epoch.
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
    pub(crate) async fn compare(&self, store: &dyn Driver) -> anyhow::Result<Option<RolledBack>> {
        Ok(match self.read()? {
            Some(seen) => rollback::compare(store, &seen).await?,
            None => rollback::reported(store).await?,
        })
    }

    /// What is remembered; nothing where there never was anything.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Seen>> {
        let path = self.path.display();
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{path} cannot be read")),
        };
        let seen = Self::parse(&text);
        let seen = seen.with_context(|| {
            format!("{path} is damaged; remove it when you know that the store is as it should be")
        });
        seen.map(Some)
    }

    fn parse(text: &str) -> Option<Seen> {
        let mut words = text.split_whitespace();
        Some(Seen {
            store_id: words.next()?.to_owned(),
            node: words.next()?.to_owned(),
            seq: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
        })
    }

    /// Remembers this instead, and waits for the disk.
    pub(crate) fn write(&self, seen: &Seen) -> io::Result<()> {
        let new = self.path.with_extension("witness-new");
        let mut file = File::create(&new)?;
        let Seen {
            store_id,
            node,
            seq,
            epoch,
        } = seen;
        writeln!(file, "{store_id} {node} {seq} {epoch}")?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        self.path
            .parent()
            .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}
