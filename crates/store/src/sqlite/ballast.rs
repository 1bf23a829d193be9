//! Ballast: disk space held back, so that sessions can still be ended on a full disk (F05).

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// A file that takes up room until it is needed.
pub(super) struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    pub(super) fn in_directory(directory: &Path, bytes: u64) -> Self {
        Self {
            path: directory.join("claviger.ballast"),
            bytes,
        }
    }

    /// Takes up the room; leaves nothing behind where there is too little of it.
    pub(super) fn take(&self) -> io::Result<()> {
        self.take_beside(0)
    }

    /// Takes up the room again once there is more than it gave back: otherwise a disk that is
    /// still full would look well every other second.
    pub(super) fn take_again(&self) -> io::Result<()> {
        self.take_beside(self.bytes / 4)
    }

    fn take_beside(&self, spare: u64) -> io::Result<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        let taken = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)
            .and_then(|mut file| {
                allocate(&mut file, self.bytes + spare)?;
                file.set_len(self.bytes)
            });
        if taken.is_err() {
            self.release();
        }
        taken
    }

    /// Gives the room back to the store.
    pub(super) fn release(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the ballast file could not be removed");
        }
    }
}

/// A file system that cannot reserve space gets zeros.
fn allocate(file: &mut File, bytes: u64) -> io::Result<()> {
    use rustix::{
        fs::{FallocateFlags, fallocate},
        io::Errno,
    };
    match fallocate(&*file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = vec![0; 64 * 1024];
            for _ in 0..bytes.div_ceil(64 * 1024) {
                file.write_all(&zeros)?;
            }
            file.sync_data()
        }
        Err(error) => Err(error.into()),
    }
}
