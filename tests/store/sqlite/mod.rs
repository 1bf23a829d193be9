//! SQLite: the suite's mount, and what only this driver promises.

use std::{path::Path, sync::Arc};

use claviger_store::sqlite::{Identity, Options, SqliteStore};
use tempfile::TempDir;

use crate::fixture::Opened;

#[path = "../suite/plans.rs"]
mod plans;
#[path = "../suite/sessions.rs"]
mod sessions;
#[path = "../suite/grants.rs"]
mod grants;
#[path = "../suite/people.rs"]
mod people;
#[path = "../suite/races.rs"]
mod races;

mod commits;
mod files;
mod witness;
mod disk;

/// A new store in a directory of its own, with the production settings.
pub(crate) async fn open() -> Opened {
    let directory = tempfile::tempdir().expect("a directory");
    let store = create(directory.path());
    Opened {
        driver: Arc::new(store),
        _kept: Box::new(directory),
    }
}

fn options(directory: &Path) -> Options {
    Options::new(directory.join("data"))
}

fn create(directory: &Path) -> SqliteStore {
    SqliteStore::create(&options(directory), &identity()).expect("a new store")
}

fn reopen(directory: &Path) -> SqliteStore {
    let (store, opened) = SqliteStore::open(&options(directory)).expect("the store opens");
    assert_eq!(opened.rolled_back, None);
    store
}

fn identity() -> Identity {
    Identity {
        store_id: "suite".to_owned(),
    }
}

/// The same store with access to what the trait does not show.
fn with_store() -> (Arc<SqliteStore>, Opened, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(create(directory.path()));
    let opened = Opened {
        driver: Arc::clone(&store) as _,
        _kept: Box::new(()),
    };
    (store, opened, directory)
}
