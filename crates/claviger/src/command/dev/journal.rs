//! What happened, for tests to assert on: every call of the API and every decision of a person.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use claviger_model::time::Timestamp;
use claviger_web::activity::Activity;
use serde::Serialize;

use crate::moment::rfc3339;

/// How many events are kept; the oldest go first.
const KEPT: usize = 10_000;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Event {
    /// From 1 upwards, without gaps.
    pub(super) number: u64,
    at: String,
    operation: &'static str,
    client: Option<String>,
    person: Option<String>,
    user_code: Option<String>,
    /// What the server answered, even where a fault lost it; `null` where nothing was done.
    status: Option<u16>,
    error: Option<String>,
    fault: Option<&'static str>,
}

/// The events, newest last.
#[derive(Default)]
pub(super) struct Journal(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    written: u64,
    events: VecDeque<Event>,
}

impl Journal {
    /// Writes an event down.
    pub(super) fn write(&self, activity: &Activity, now: Timestamp) {
        let mut pages = self.lock();
        pages.written += 1;
        let event = Event {
            number: pages.written,
            at: rfc3339(now),
            operation: activity.operation,
            client: activity.client.clone(),
            person: activity.person.clone(),
            user_code: activity.user_code.clone(),
            status: (activity.status != 0).then_some(activity.status),
            error: activity.error.clone(),
            fault: activity.fault,
        };
        if pages.events.len() == KEPT {
            pages.events.pop_front();
        }
        pages.events.push_back(event);
    }

    /// The events after number `after`.
    pub(super) fn after(&self, after: u64) -> Vec<Event> {
        let pages = self.lock();
        let newer = pages.events.iter().filter(|event| event.number > after);
        newer.cloned().collect()
    }

    /// Begins anew, at number 1.
    pub(super) fn forget(&self) {
        *self.lock() = Pages::default();
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
