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
    error::Error,
    postgres::Lineage,
    repository::rollback::{self, Seen},
    rolled_back::RolledBack,
};

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) seen: Seen,
    /// The server that had replaced all others.
    pub(crate) server: Lineage,
}

/// Compares what is remembered with the store.
pub(crate) async fn compare(
    known: Option<&Memory>,
    store: &dyn Driver,
) -> Result<Option<RolledBack>, Error> {
    match known {
        Some(memory) => rollback::compare(store, &memory.seen).await,
        None => rollback::reported(store).await,
    }
}

/// The file in the data directory: the store's name, a node's, the number of its last audit record, the store's
/// epoch, the server's system identifier and timeline.
pub(crate) struct Witness {
    path: PathBuf,
}

impl Witness {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("store.witness"),
        }
    }

    /// What is remembered; nothing where there never was anything.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Memory>> {
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

    fn parse(text: &str) -> Option<Memory> {
        let mut words = text.split_whitespace();
        let seen = Seen {
            store_id: words.next()?.to_owned(),
            node: words.next()?.to_owned(),
            seq: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
        };
        let server = match words.next() {
            Some(system) => Lineage {
                system: system.parse().ok()?,
                timeline: words.next()?.parse().ok()?,
            },
            None => Lineage::default(),
        };
        Some(Memory { seen, server })
    }

    /// Remembers this instead, and waits for the disk.
    pub(crate) fn write(&self, memory: &Memory) -> io::Result<()> {
        let new = self.path.with_extension("witness-new");
        let mut file = File::create(&new)?;
        let Seen {
            store_id,
            node,
            seq,
            epoch,
        } = &memory.seen;
        write!(file, "{store_id} {node} {seq} {epoch}")?;
        let Lineage { system, timeline } = memory.server;
        // One that does not say which it is cannot be known again.
        if system != 0 {
            write!(file, " {system} {timeline}")?;
        }
        writeln!(file)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        self.path
            .parent()
            .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}
