//! The store of an instance: SQLite's in its data directory, or a PostgreSQL that several nodes share.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc};

use anyhow::Context as _;
use claviger_model::port::clock::Clock;
use claviger_store::{
    driver::Driver,
    error::Error,
    postgres::{self, Lineage, PostgresStore, address::Address},
    rolled_back::RolledBack,
    sqlite::{self, Fatal, Identity, Options, SqliteStore},
    statement::Plan,
};
use tokio::sync::watch;

use crate::{
    adapter::clock::SystemClock,
    config::settings::Paths,
    exit::{CONFIGURATION, DATA, Exit, ExitCode as _, TEMPORARY},
    witness::{self, Witness},
};

/// An open store.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl Store {
    /// Makes a new one where `paths` say, and what `first` writes.
    pub(crate) async fn create(paths: &Paths, store_id: String, first: Plan) -> Result<Self, Exit> {
        match &paths.store {
            None => {
                let options = Options::new(&paths.data_dir);
                let made = SqliteStore::create(&options, &Identity { store_id });
                let made = made.map_err(sqlite_exit)?;
                made.apply(first).await.exit(TEMPORARY)?;
                Ok(Self::Sqlite(Arc::new(made)))
            }
            Some(address) => {
                let made = PostgresStore::create(address.clone(), &store_id, &first).await;
                Ok(Self::Postgres(Arc::new(made.map_err(postgres_exit)?)))
            }
        }
    }

    /// Opens the one that is there; tells whether it has gone back in time.
    pub(crate) async fn open(paths: &Paths) -> Result<(Self, Option<RolledBack>), Exit> {
        match &paths.store {
            None => {
                let opened = SqliteStore::open(&Options::new(&paths.data_dir));
                let (store, opened) = opened.map_err(|error| no_store(paths, error))?;
                Ok((Self::Sqlite(Arc::new(store)), opened.rolled_back))
            }
            Some(address) => {
                let known = Witness::of(&paths.data_dir).read().exit(DATA)?;
                let server = known.as_ref().map(|memory| memory.server);
                let opening =
                    PostgresStore::open_after(address.clone(), server.unwrap_or_default());
                let store = opening.await.map_err(postgres_exit)?;
                let lost = witness::compare(known.as_ref(), &store).await;
                Ok((Self::Postgres(Arc::new(store)), lost.exit(TEMPORARY)?))
            }
        }
    }

    pub(crate) fn driver(&self) -> Arc<dyn Driver> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The clock to decide by: the machine's own, or the one that all nodes share.
    pub(crate) async fn clock(&self) -> Arc<dyn Clock> {
        match self {
            Self::Sqlite(_) => Arc::new(SystemClock),
            Self::Postgres(store) => store.clock(Arc::new(SystemClock)).await,
        }
    }

    /// Whether other nodes change it, too.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Where a shared store is.
    pub(crate) fn address(&self) -> Option<&Address> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => Some(store.address()),
        }
    }

    /// The server of a shared store.
    pub(crate) fn lineage(&self) -> Lineage {
        match self {
            Self::Sqlite(_) => Lineage::default(),
            Self::Postgres(store) => store.lineage(),
        }
    }

    /// Tells when the store has stopped for good. PostgreSQL never does: it comes back, or another one.
    pub(crate) fn fatal(&self) -> watch::Receiver<Option<Fatal>> {
        match self {
            Self::Sqlite(store) => store.fatal(),
            Self::Postgres(_) => {
                let (sender, receiver) = watch::channel(None);
                // A closed channel would look like an end.
                tokio::spawn(async move { sender.closed().await });
                receiver
            }
        }
    }

    /// Writes a consistent copy to a new file.
    pub(crate) fn backup_to(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => store.backup_to(path),
            Self::Postgres(_) => Err(Error::Unavailable(
                "the store is a PostgreSQL; back it up with pg_dump, or with what its operator \
                 has for that"
                    .to_owned(),
            )),
        }
    }
}

/// Why there is no store in the data directory: a key file without one belongs to a store elsewhere.
pub(crate) fn no_store(paths: &Paths, error: sqlite::OpenError) -> Exit {
    let is_elsewhere =
        matches!(error, sqlite::OpenError::NotInitialised(_)) && paths.key_file.exists();
    let exit = sqlite_exit(error);
    if !is_elsewhere {
        return exit;
    }
    let key_file = paths.key_file.display();
    Exit {
        error: anyhow::anyhow!(
            "{}. There are keys in {key_file}: if their store is a PostgreSQL, name it by --store, \
             CLAVIGER_STORE, or store_file in the configuration",
            exit.error
        ),
        ..exit
    }
}

/// The exit code that says whether a restart can help.
pub(crate) fn sqlite_exit(error: sqlite::OpenError) -> Exit {
    use sqlite::OpenError as E;
    let code = match &error {
        E::NotInitialised(_)
        | E::AlreadyThere(_)
        | E::NetworkFileSystem { .. }
        | E::Newer { .. }
        | E::OldSqlite(_) => CONFIGURATION,
        E::Corrupt { .. } => DATA,
        E::Locked(_) | E::Io { .. } | E::Sqlite(_) => TEMPORARY,
    };
    Exit {
        code,
        error: error.into(),
    }
}

pub(crate) fn postgres_exit(error: postgres::OpenError) -> Exit {
    use postgres::OpenError as E;
    let code = match &error {
        E::NotInitialised(_) | E::AlreadyThere(_) | E::Newer { .. } => CONFIGURATION,
        E::Unreachable { .. } | E::Unconfirmed(_) | E::Database(_) => TEMPORARY,
    };
    Exit {
        code,
        error: error.into(),
    }
}

/// Makes a directory that only its owner may enter, where there is none.
pub(crate) fn private_directory(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("{} cannot be made", path.display()))
}
