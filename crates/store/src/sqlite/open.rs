//! Creating and opening a store: lock, settings, checks, schema, witness, in that order.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    connection,
    lock::{Lock, NotLocked},
    private_file::new_private_file,
    witness::{Witness, sync_directory_of},
};
use crate::{
    migrate::{Migration, SQLITE},
    rolled_back::RolledBack,
};

/// Where a store lives and how it is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub directory: PathBuf,
    /// Open although the directory is on a network file system.
    pub allow_network_file_system: bool,
    /// At most this many database pages; tests fill a small disk by it.
    pub max_pages: Option<u32>,
    /// Bytes of disk held back so that sessions can still be ended on a full disk (F05).
    pub ballast: u64,
}

impl Options {
    /// The usual options for a directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            allow_network_file_system: false,
            max_pages: None,
            ballast: 16 << 20,
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.directory.join("claviger.db")
    }
}

/// What a new store is called; drawn by the caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// A random name for the store.
    pub store_id: String,
}

/// Why a store cannot be opened or made; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process; stop it first")]
    Locked(PathBuf),
    /// There is no store.
    #[error("there is no store in {0}; run `claviger init` to make one")]
    NotInitialised(PathBuf),
    /// There is one already.
    #[error("{0} is not empty; choose a new directory")]
    AlreadyThere(PathBuf),
    /// Not our database, or a damaged one.
    #[error("{path} is not a healthy Claviger store ({problem}); restore it from a backup")]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Written by a newer release.
    #[error("the store has schema {found}, this release knows up to {known}; use a newer release")]
    Newer {
        /// The store's schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite on a network file system loses data.
    #[error(
        "{path} is on a network file system ({kind}), where SQLite is not safe; use a local disk"
    )]
    NetworkFileSystem {
        /// The data directory.
        path: PathBuf,
        /// Its file system.
        kind: String,
    },
    /// The linked library is too old.
    #[error("SQLite {0} is too old; 3.51.3 or newer is needed")]
    OldSqlite(&'static str),
    /// Reading or writing failed.
    #[error("cannot use {path}: {source}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// SQLite failed.
    #[error("SQLite failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// What opening found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opened {
    /// Whether acknowledged commits are missing.
    pub rolled_back: Option<RolledBack>,
}

/// An open writing connection with everything checked.
pub(super) struct Ready {
    pub(super) lock: Lock,
    pub(super) writer: Connection,
    pub(super) sequence: u64,
    pub(super) witness: Witness,
    pub(super) opened: Opened,
}

/// Makes a new store in a new or empty directory.
pub(super) fn create(options: &Options, identity: &Identity) -> Result<Ready, OpenError> {
    let directory = &options.directory;
    let failed = |source| OpenError::Io {
        path: directory.clone(),
        source,
    };
    if holds_something(directory).map_err(failed)? {
        return Err(OpenError::AlreadyThere(directory.clone()));
    }
    make_private(directory).map_err(failed)?;
    refuse_network(options)?;
    let lock = lock(directory)?;
    let database = options.database();
    build(&database, identity)?;
    let writer = connection::configure(connection::existing(&database)?)?;
    finish(options, lock, writer, &database)
}

/// Builds a database under another name: one that has its proper name is complete, whatever
/// happens meanwhile.
fn build(database: &Path, identity: &Identity) -> Result<(), OpenError> {
    let unfinished = database.with_extension("db-new");
    let failed = |source| OpenError::Io {
        path: unfinished.clone(),
        source,
    };
    remove_if_there(&unfinished).map_err(failed)?;
    remove_if_there(&with_suffix(&unfinished, "-wal")).map_err(failed)?;
    // SQLite gives its log the permissions of the file.
    new_private_file(&unfinished).map_err(failed)?;
    let connection = connection::create(&unfinished)?;
    migrate(&connection, 0)?;
    let meta = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
    for (name, value) in [
        ("store_id", identity.store_id.as_str()),
        ("store_epoch", "1"),
        ("commit_seq", "1"),
    ] {
        connection.execute(meta, (name, value))?;
    }
    // Closing the last connection moves the log into the file and syncs it.
    connection.close().map_err(|(_, error)| error)?;
    fs::rename(&unfinished, database)
        .and_then(|()| sync_directory_of(database))
        .map_err(failed)
}

/// Whether a database of that name was here once: its log would be taken for the new one's.
fn leftovers(database: &Path) -> bool {
    with_suffix(database, "-wal").exists() || Witness::beside(database).exists()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens an existing store.
pub(super) fn open(options: &Options) -> Result<Ready, OpenError> {
    let database = options.database();
    let corrupt = |problem: String| OpenError::Corrupt {
        path: database.clone(),
        problem,
    };
    if !database.exists() {
        return Err(if leftovers(&database) {
            corrupt("the file is missing".to_owned())
        } else {
            OpenError::NotInitialised(options.directory.clone())
        });
    }
    refuse_network(options)?;
    let lock = lock(&options.directory)?;
    if fs::metadata(&database).is_ok_and(|metadata| metadata.len() == 0) {
        return Err(corrupt("the file is empty".to_owned()));
    }
    let writer = connection::existing(&database).map_err(|error| corrupt(error.to_string()))?;
    let schema = meta(&writer, "schema").map_err(|error| corrupt(error.to_string()))?;
    let check: String = writer
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| corrupt(error.to_string()))?;
    if check != "ok" {
        return Err(corrupt(check));
    }
    let known = newest(SQLITE);
    if schema > known {
        return Err(OpenError::Newer {
            found: schema,
            known,
        });
    }
    let writer = connection::configure(writer)?;
    migrate(&writer, schema)?;
    finish(options, lock, writer, &database)
}

fn finish(
    options: &Options,
    lock: Lock,
    writer: Connection,
    database: &Path,
) -> Result<Ready, OpenError> {
    if rusqlite::version_number() < connection::OLDEST {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    if let Some(pages) = options.max_pages {
        writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    connection::close_without_checkpoint(&writer)?;
    let sequence = meta(&writer, "commit_seq").map(u64::try_from);
    let sequence = sequence
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| OpenError::Corrupt {
            path: database.to_owned(),
            problem: "no commit sequence".to_owned(),
        })?;
    let witness = Witness::beside(database);
    let rolled_back = rolled_back(&writer, sequence, witness.read().unwrap_or(0))?;
    Ok(Ready {
        lock,
        writer,
        sequence,
        witness,
        opened: Opened { rolled_back },
    })
}

/// Notices a store that is behind its witness, and remembers it in the store: the witness will
/// soon be written anew.
fn rolled_back(
    writer: &Connection,
    sequence: u64,
    witness: u64,
) -> Result<Option<RolledBack>, OpenError> {
    if sequence < witness {
        let lost = RolledBack {
            store: sequence,
            witness,
        };
        writer.execute_batch("BEGIN IMMEDIATE")?;
        writer.execute(
            "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) \
             WHERE name = 'store_epoch'",
            (),
        )?;
        writer.execute(
            "INSERT INTO meta (name, value) VALUES ('rolled_back', ?1) \
             ON CONFLICT (name) DO UPDATE SET value = ?1",
            [lost.text()],
        )?;
        writer.execute_batch("COMMIT")?;
        return Ok(Some(lost));
    }
    let sql = "SELECT value FROM meta WHERE name = 'rolled_back'";
    let remembered: Option<String> = writer.query_row(sql, (), |row| row.get(0)).optional()?;
    Ok(remembered.as_deref().and_then(RolledBack::read))
}

fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.number)
}

fn migrate(writer: &Connection, from: i64) -> Result<(), OpenError> {
    for step in SQLITE.iter().filter(|step| step.number > from) {
        writer.execute_batch("BEGIN IMMEDIATE")?;
        writer.execute_batch(step.sql)?;
        writer.execute(
            "INSERT INTO meta (name, value) VALUES ('schema', ?1) \
             ON CONFLICT (name) DO UPDATE SET value = ?1",
            [step.number.to_string()],
        )?;
        writer.execute_batch("COMMIT")?;
    }
    Ok(())
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get(0))
}

fn lock(directory: &Path) -> Result<Lock, OpenError> {
    Lock::take(directory).map_err(|error| match error {
        NotLocked::Held => OpenError::Locked(directory.to_owned()),
        NotLocked::Io(source) => OpenError::Io {
            path: directory.join("claviger.lock"),
            source,
        },
    })
}

/// Whether a directory is there and not ours to take: only a key file or the remains of a try that
/// was broken off may lie in it.
fn holds_something(directory: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let harmless = name.to_str().is_some_and(|name| {
            matches!(
                name,
                "claviger.keys" | "claviger.lock" | "claviger.ballast" | "claviger.sock"
            ) || name.starts_with("claviger.db-new")
        });
        if !harmless {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Network file systems lock and sync as they please.
fn refuse_network(options: &Options) -> Result<(), OpenError> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let path = fs::canonicalize(&options.directory).unwrap_or_else(|_| options.directory.clone());
    match file_system(&table, &path) {
        Some(kind) if is_network(kind) && !options.allow_network_file_system => {
            Err(OpenError::NetworkFileSystem {
                path,
                kind: kind.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn is_network(kind: &str) -> bool {
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "glusterfs",
        "fuse.sshfs",
        "9p",
    ]
    .contains(&kind)
}

/// The type of the file system that holds `path`, by the longest mount point above it.
fn file_system<'a>(mountinfo: &'a str, path: &Path) -> Option<&'a str> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        Some((front.split(' ').nth(4)?, back.split(' ').next()?))
    });
    mounts
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_decides() {
        let table =
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:4 / /data rw shared:1 - nfs4 h:/d rw\n";
        assert_eq!(
            file_system(table, Path::new("/data/claviger")),
            Some("nfs4")
        );
        assert_eq!(file_system(table, Path::new("/database")), Some("ext4"));
        assert!(is_network("nfs4") && !is_network("overlay"));
    }
}
