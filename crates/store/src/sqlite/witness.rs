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

    /// The sequence last written; `None` when there is no readable witness.
    pub(super) fn read(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        File::open(&self.path).ok()?.read_exact(&mut bytes).ok()?;
        let (sequence, check) = bytes.split_at(8);
        let sequence = u64::from_be_bytes(sequence.try_into().ok()?);
        let check = u64::from_be_bytes(check.try_into().ok()?);
        (check == !sequence).then_some(sequence)
    }

    /// Writes the sequence and waits for the disk.
    pub(super) fn write(&self, sequence: u64) -> io::Result<()> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        let bytes = [sequence.to_be_bytes(), (!sequence).to_be_bytes()].concat();
        file.write_all(&bytes)?;
        file.sync_data()
    }
}
