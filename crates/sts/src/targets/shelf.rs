//! Cached answers and calls under way, behind one lock, so that forgetting a session is one step.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claviger_model::{
    credentials::RoleCredentials, id::SessionId, port::credential_source::NotIssued,
    time::Timestamp,
};
use tokio::sync::watch;

use super::{cache::Cache, key::Key};

type Outcome = Result<RoleCredentials, NotIssued>;

#[derive(Default)]
pub(super) struct Shelf {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    cache: Cache,
    flights: HashMap<Key, Flight>,
    launched: u64,
}

struct Flight {
    number: u64,
    answer: watch::Receiver<Option<Outcome>>,
}

/// What the shelf holds for a request.
pub(super) enum Found {
    /// Fresh credentials.
    Fresh(RoleCredentials),
    /// Somebody asked for the same a moment ago.
    UnderWay(Answer),
    /// Nothing: the holder of the ticket must make the call.
    Nothing(Ticket),
}

/// The answer of a call under way.
pub(super) struct Answer(watch::Receiver<Option<Outcome>>);

impl Answer {
    pub(super) async fn wait(mut self) -> Outcome {
        match self.0.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(broken_off()),
        }
    }
}

/// The duty to land one call. Dropped without landing, it tells the waiting that it broke off.
pub(super) struct Ticket {
    shelf: Arc<Shelf>,
    key: Key,
    number: u64,
    answer: watch::Sender<Option<Outcome>>,
}

impl Ticket {
    pub(super) fn answer(&self) -> Answer {
        Answer(self.answer.subscribe())
    }

    /// Caches what is good and tells everyone who waits. Nothing is cached for a session that was
    /// forgotten meanwhile (POR-11); those whose request had already passed still get their answer.
    pub(super) fn land(self, outcome: Outcome, now: Timestamp) {
        let mut inner = self.shelf.lock();
        if inner.is_under_way(&self.key, self.number) {
            inner.flights.remove(&self.key);
            if let Ok(credentials) = &outcome {
                inner.cache.keep(self.key.clone(), credentials.clone(), now);
            }
        }
        drop(inner);
        self.answer.send_replace(Some(outcome));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.answer.borrow().is_some() {
            return;
        }
        let mut inner = self.shelf.lock();
        if inner.is_under_way(&self.key, self.number) {
            inner.flights.remove(&self.key);
        }
        drop(inner);
        self.answer.send_replace(Some(Err(broken_off())));
    }
}

impl Shelf {
    pub(super) fn find(self: &Arc<Self>, key: Key, now: Timestamp) -> Found {
        let mut inner = self.lock();
        if let Some(credentials) = inner.cache.find(&key, now) {
            return Found::Fresh(credentials);
        }
        if let Some(flight) = inner.flights.get(&key) {
            return Found::UnderWay(Answer(flight.answer.clone()));
        }
        inner.launched += 1;
        let number = inner.launched;
        let (sender, answer) = watch::channel(None);
        inner.flights.insert(key.clone(), Flight { number, answer });
        Found::Nothing(Ticket {
            shelf: self.clone(),
            key,
            number,
            answer: sender,
        })
    }

    /// Drops what is cached for the session, and strikes its calls under way from the list: later
    /// requests do not join them and their answers are not kept.
    pub(super) fn forget(&self, session_id: SessionId) {
        let mut inner = self.lock();
        inner.cache.forget(session_id);
        inner.flights.retain(|key, _| key.session_id != session_id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_under_way(&self, key: &Key, number: u64) -> bool {
        self.flights
            .get(key)
            .is_some_and(|flight| flight.number == number)
    }
}

fn broken_off() -> NotIssued {
    NotIssued::Unavailable {
        detail: "the call to the target broke off".to_owned(),
    }
}
