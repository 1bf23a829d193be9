//! PostgreSQL: the suite's mount, and what only this driver promises.

use std::sync::Arc;

use claviger_store::{driver::Driver, repository::user, statement::Plan};
use claviger_tests::postgres::Place;

use crate::fixture::{Opened, at, user as a_user};

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

/// The first so many people of the fixture.
async fn add_people(store: &dyn Driver, count: u8) {
    for number in 1..=count {
        let added = store
            .apply(Plan::of(user::adding(&a_user(number), at(1))))
            .await;
        assert!(added.expect("a write").is_whole());
    }
}
