//! The commit witness: a side file that knows how far the store had come (RELIABILITY §3).
//!
//! A WAL that lost its tail opens without complaint; only somebody who remembers can tell.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Sixteen bytes: the sequence, and its complement as the checksum.
pub(super) struct Witness {
    path: PathBuf,
}

impl Witness {
    pub(super) fn beside(database: &Path) -> Self {
        Self {
            path: database.with_extension("witness"),
        }
    }

    /// Whether there ever was a store here.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// The sequence last written; `None` when there is no readable witness.
    pub(super) fn read(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        File::open(&self.path).ok()?.read_exact(&mut bytes).ok()?;
        let (sequence, check) = bytes.split_at(8);
        let sequence = u64::from_be_bytes(sequence.try_into().ok()?);
        let check = u64::from_be_bytes(check.try_into().ok()?);
        (check == !sequence).then_some(sequence)
    }

    /// Writes the sequence and waits for the disk. The bytes are written over in place: that
    /// needs no room on a full disk, and a sector is not torn.
    pub(super) fn write(&self, sequence: u64) -> io::Result<()> {
        let is_new = !self.exists();
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        let bytes = [sequence.to_be_bytes(), (!sequence).to_be_bytes()].concat();
        file.write_all(&bytes)?;
        file.sync_data()?;
        if is_new {
            sync_directory_of(&self.path)?;
        }
        Ok(())
    }
}

/// Makes the name of a new file survive a power loss.
pub(super) fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}
