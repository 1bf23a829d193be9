//! The lock file that keeps a second process out (F31). A file of its own: opening and closing
//! the database elsewhere in the process would drop POSIX locks on it.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

/// Held as long as the store is open.
pub(super) struct Lock {
    _file: File,
}

/// Why there is no lock.
pub(super) enum NotLocked {
    /// Another process has it.
    Held,
    /// The file cannot be made or the file system knows no locks.
    Io(io::Error),
}

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, NotLocked> {
        let path = directory.join("claviger.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(NotLocked::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(NotLocked::Held),
            Err(TryLockError::Error(error)) => Err(NotLocked::Io(error)),
        }
    }
}
