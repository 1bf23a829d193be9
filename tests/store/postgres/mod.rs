//! PostgreSQL: the suite's mount, and what only this driver promises.

use std::sync::Arc;

use claviger_tests::postgres::Place;

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

mod opening;
mod trouble;
mod together;
mod partition;
mod failover;

/// A new store in a schema of its own.
async fn open() -> Opened {
    let place = Place::default();
    Opened {
        driver: Arc::new(place.create().await),
        _kept: Box::new(()),
    }
}
