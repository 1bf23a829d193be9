//! Counting in memory, for what is worth no row: polls and anonymous starts, per node.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use claviger_model::time::{Lifetime, Timestamp};

/// Fixed windows of counts, bounded in keys: when full, the oldest windows are dropped first.
pub struct Counter<K> {
    window: Lifetime,
    capacity: usize,
    counts: Mutex<HashMap<K, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Timestamp,
    count: u32,
}

impl<K: Eq + Hash + Clone> Counter<K> {
    /// Counts per `window`, for at most `capacity` keys.
    pub fn new(window: Lifetime, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            counts: Mutex::default(),
        }
    }

    /// Counts one for `key` unless `limit` is reached in this window; whether it was counted.
    pub fn admit(&self, key: &K, limit: u32, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.contains_key(key) && counts.len() >= self.capacity {
            let window = self.window;
            counts.retain(|_, entry| entry.began.is_within(window, now));
            if counts.len() >= self.capacity {
                counts.clear();
            }
        }
        let fresh = Window {
            began: now,
            count: 0,
        };
        let entry = counts.entry(key.clone()).or_insert(fresh);
        if !entry.began.is_within(self.window, now) {
            *entry = fresh;
        }
        let admitted = entry.count < limit;
        entry.count += u32::from(admitted);
        admitted
    }

    /// Takes one count back: what was counted turned out to be no burden.
    pub fn give_back(&self, key: &K) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = counts.get_mut(key) {
            entry.count = entry.count.saturating_sub(1);
        }
    }
}

/// Token buckets: `burst` at once, one more every `interval`. Bounded like [`Counter`].
pub struct Buckets<K> {
    burst: u32,
    interval: Lifetime,
    capacity: usize,
    levels: Mutex<HashMap<K, Level>>,
}

#[derive(Clone, Copy)]
struct Level {
    tokens: u32,
    filled: Timestamp,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Buckets for at most `capacity` keys.
    pub fn new(burst: u32, interval: Lifetime, capacity: usize) -> Self {
        Self {
            burst,
            interval,
            capacity,
            levels: Mutex::default(),
        }
    }

    /// Takes one from the bucket of `key`; whether there was one.
    pub fn take(&self, key: &K, now: Timestamp) -> bool {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if !levels.contains_key(key) && levels.len() >= self.capacity {
            // A full bucket remembers nothing worth keeping.
            let full_after = i64::from(self.burst) * i64::from(self.interval.as_seconds());
            levels.retain(|_, level| now.seconds_since(level.filled) < full_after);
            if levels.len() >= self.capacity {
                levels.clear();
            }
        }
        let full = Level {
            tokens: self.burst,
            filled: now,
        };
        let level = levels.entry(key.clone()).or_insert(full);
        let earned =
            now.seconds_since(level.filled).max(0) / i64::from(self.interval.as_seconds().max(1));
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            *level = Level {
                tokens: level.tokens.saturating_add(earned).min(self.burst),
                filled: now,
            };
        }
        let taken = level.tokens > 0;
        level.tokens -= u32::from(taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_epoch_seconds(second)
    }

    #[test]
    fn a_counter_admits_up_to_its_limit_per_window() {
        let counter = Counter::new(Lifetime::seconds(10), 100);
        assert!((0..3).all(|_| counter.admit(&"a", 3, at(0))));
        assert!(!counter.admit(&"a", 3, at(9)) && counter.admit(&"b", 3, at(9)));
        assert!(counter.admit(&"a", 3, at(10)));
        counter.give_back(&"a");
        assert!((0..3).all(|_| counter.admit(&"a", 3, at(11))) && !counter.admit(&"a", 3, at(11)));
    }

    #[test]
    fn a_counter_stays_within_its_capacity() {
        let counter = Counter::new(Lifetime::seconds(10), 100);
        assert!((0..10_000).all(|key| counter.admit(&key, 1, at(0))));
        assert!(counter.counts.lock().expect("lock").len() <= 100);
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_per_interval() {
        let buckets = Buckets::new(5, Lifetime::seconds(2), 100);
        assert!((0..5).all(|_| buckets.take(&"a", at(0))) && !buckets.take(&"a", at(1)));
        assert!(buckets.take(&"a", at(2)) && !buckets.take(&"a", at(2)));
    }
}
