//! Credentials that may be handed out again, to the session that drew them.
//!
//! The cache is for bursts: a build that starts forty processes, a tool that asks for each command.
//! An entry is served while both hold:
//!
//! - more than 30 minutes of its life remain. botocore asks anew from 15 minutes before the end and
//!   insists from 10 (WIRE §5.4): handed an older entry it would ask again at every call;
//! - more than half of its life remains, so that nobody who asks for twelve hours gets one.

use std::collections::HashMap;

use claviger_model::{
    credentials::RoleCredentials,
    id::SessionId,
    time::{Lifetime, Timestamp},
};

use super::key::Key;

/// Entries over all sessions; the one that ends first makes room.
const CAPACITY: usize = 4096;
/// What must remain at least.
const KEPT_BACK: Lifetime = Lifetime::minutes(30);

#[derive(Default)]
pub(super) struct Cache {
    entries: HashMap<Key, Entry>,
}

struct Entry {
    credentials: RoleCredentials,
    stored: Timestamp,
    fresh: Lifetime,
}

impl Entry {
    /// A clock set back makes nothing fresh again.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.stored.is_within(self.fresh, now)
    }
}

impl Cache {
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Option<RoleCredentials> {
        let entry = self.entries.get(key)?;
        entry.is_fresh(now).then(|| entry.credentials.clone())
    }

    /// Keeps `credentials` while they are fresh. Drops what no longer is: secrets do not lie about.
    pub(super) fn keep(&mut self, key: Key, credentials: RoleCredentials, now: Timestamp) {
        self.entries.retain(|_, entry| entry.is_fresh(now));
        let fresh = freshness(credentials.expiration.remaining(now));
        if fresh == Lifetime::ZERO {
            return;
        }
        if self.entries.len() >= CAPACITY {
            self.make_room();
        }
        self.entries.insert(
            key,
            Entry {
                credentials,
                stored: now,
                fresh,
            },
        );
    }

    pub(super) fn forget(&mut self, session_id: SessionId) {
        self.entries.retain(|key, _| key.session_id != session_id);
    }

    fn make_room(&mut self) {
        let first = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| entry.stored.plus(entry.fresh))
            .map(|(key, _)| key.clone());
        if let Some(key) = first {
            self.entries.remove(&key);
        }
    }
}

fn freshness(life: Lifetime) -> Lifetime {
    let life = life.as_seconds();
    Lifetime::seconds((life / 2).min(life.saturating_sub(KEPT_BACK.as_seconds())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_means_half_the_life_and_half_an_hour_to_go() {
        assert_eq!(freshness(Lifetime::minutes(15)), Lifetime::ZERO);
        assert_eq!(freshness(Lifetime::minutes(45)), Lifetime::minutes(15));
        assert_eq!(freshness(Lifetime::hours(1)), Lifetime::minutes(30));
        assert_eq!(freshness(Lifetime::hours(12)), Lifetime::hours(6));
    }
}
