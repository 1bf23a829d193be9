//! Drivers that misbehave in ways no store should: they panic, or never answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use claviger_model::port::future::BoxFuture;
use claviger_store::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::Row,
};

/// How a driver misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every write panics.
    Panics,
    /// Nothing is ever answered.
    Hangs,
}

/// A store with a fault that can be switched on.
pub struct FaultyStore {
    inner: Arc<dyn Driver>,
    fault: Fault,
    on: AtomicBool,
}

impl FaultyStore {
    /// `inner` with `fault`, switched off.
    pub fn new(inner: Arc<dyn Driver>, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            on: AtomicBool::new(false),
        }
    }

    /// Switches the fault on or off.
    pub fn misbehave(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
    }

    fn now(&self) -> Option<Fault> {
        self.on.load(Ordering::SeqCst).then_some(self.fault)
    }
}

impl Driver for FaultyStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        match self.now() {
            Some(Fault::Hangs) => Box::pin(std::future::pending()),
            Some(Fault::Panics) | None => self.inner.fetch(query),
        }
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        match self.now() {
            Some(Fault::Hangs) => Box::pin(std::future::pending()),
            Some(Fault::Panics) => panic!("the kit's driver panics"),
            None => self.inner.apply(plan),
        }
    }

    fn health(&self) -> Result<(), Error> {
        self.inner.health()
    }
}
