//! What files were at their last sync: the least that a disk keeps when the power goes.

use std::{
    fs::OpenOptions,
    os::{fd::FromRawFd as _, unix::fs::FileExt as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use libc::{c_int, off64_t};

use crate::real;

/// Files that are remembered: a store's, without the shared memory, which no disk keeps.
fn is_of_a_store(path: &str) -> bool {
    path.contains("claviger.") && !path.ends_with("-shm")
}

/// What was there before a call changed it.
struct Before {
    path: PathBuf,
    length: u64,
    offset: u64,
    bytes: Vec<u8>,
}

static UNSYNCED: Mutex<Vec<Before>> = Mutex::new(Vec::new());

/// Remembers what a write of `length` bytes at `offset` replaces.
pub(crate) fn overwriting(fd: c_int, offset: off64_t, length: usize) {
    remember(fd, offset, length);
}

/// Remembers what a truncation takes away.
pub(crate) fn truncating(fd: c_int, length: off64_t) {
    remember(fd, length, usize::MAX);
}

fn remember(fd: c_int, offset: off64_t, length: usize) {
    let Some(path) = real::target(fd).filter(|path| is_of_a_store(path)) else {
        return;
    };
    // SAFETY: the descriptor is the caller's for the time of the call, and is not closed here.
    let file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(fd) });
    let now = file.metadata().map_or(0, |file| file.len());
    let offset = u64::try_from(offset).unwrap_or_default();
    let there = usize::try_from(now.saturating_sub(offset)).unwrap_or_default();
    let mut bytes = vec![0; there.min(length)];
    if file.read_exact_at(&mut bytes, offset).is_err() {
        // A descriptor for writing only: the witness's. It is written whole, then synced.
        bytes.clear();
    }
    let before = Before {
        path: PathBuf::from(path),
        length: now,
        offset,
        bytes,
    };
    UNSYNCED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(before);
}

/// What the file holds now is what it will hold.
pub(crate) fn synced(fd: c_int) {
    if let Some(path) = real::target(fd) {
        let path = PathBuf::from(path);
        let mut unsynced = UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner);
        unsynced.retain(|before| before.path != path);
    }
}

/// Puts every file back.
pub(crate) fn lose() {
    // The lock is kept: no call of another thread may come in between.
    let unsynced = UNSYNCED.lock().unwrap_or_else(PoisonError::into_inner);
    for before in unsynced.iter().rev() {
        let Ok(file) = OpenOptions::new().write(true).open(&before.path) else {
            continue;
        };
        let _ = file.write_all_at(&before.bytes, before.offset);
        let _ = file.set_len(before.length);
    }
    std::mem::forget(unsynced);
}
