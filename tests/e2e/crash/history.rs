//! What clients were told: one story per session, and every broken promise on the spot.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claviger_tests::aws::Client;

/// What became of a session, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody ended it.
    Lives,
    /// The logout was acknowledged, or refused after an attempt without an answer.
    Ended,
}

/// A session as its client saw it.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) client: Client,
    /// The access token that came last.
    pub(super) access: String,
    /// Every refresh token that came in a 200, oldest first, each once.
    pub(super) refresh: Vec<String>,
    /// What each presented refresh token was answered with.
    pub(super) successors: BTreeMap<String, String>,
    pub(super) end: End,
}

impl Story {
    /// A session that begins with these tokens.
    pub(super) fn begin(client: Client, access: &str, refresh: &str) -> Self {
        Self {
            client,
            access: access.to_owned(),
            refresh: vec![refresh.to_owned()],
            successors: BTreeMap::new(),
            end: End::Lives,
        }
    }

    /// The refresh token to use next.
    pub(super) fn current(&self) -> &str {
        self.refresh.last().map_or("", String::as_str)
    }

    /// Notes that `presented` was answered with `received`; two successors of one token are a
    /// broken promise.
    pub(super) fn refreshed(
        &mut self,
        presented: &str,
        received: &str,
        access: &str,
    ) -> Result<(), String> {
        access.clone_into(&mut self.access);
        // Where rotating would not help, the token itself comes back.
        if presented == received {
            return Ok(());
        }
        let known = self
            .successors
            .insert(presented.to_owned(), received.to_owned());
        if known.as_deref().is_some_and(|known| known != received) {
            return Err("one refresh token has two successors".to_owned());
        }
        if !self.refresh.iter().any(|token| token == received) {
            self.refresh.push(received.to_owned());
        }
        Ok(())
    }
}

/// All stories, and what went against the promises.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Arc<Mutex<Told>>);

#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) stories: Vec<Story>,
    pub(super) broken: Vec<String>,
    /// Kinds of rows of which there were more than were due.
    pub(super) doubled: usize,
    /// Devices that were started and never came to a session.
    pub(super) abandoned: usize,
}

impl History {
    /// Everything that was told so far.
    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a story that is over for its user.
    pub(super) fn add(&self, story: Story) {
        self.told().stories.push(story);
    }

    /// Adds a broken promise.
    pub(super) fn broke(&self, promise: String) {
        self.told().broken.push(promise);
    }
}
