//! Counting in memory, for what is worth no row: polls and anonymous starts, per node.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use claviger_model::time::{Lifetime, Timestamp};

/// Into how many slices a window is cut.
const SLICES: i64 = 10;

/// Counts over a sliding window, bounded in keys: when full, those without a live count go, and
/// while none does, keys that are not yet counted are refused. What is counted stays counted: a
/// flood of keys lifts nobody's limit (RES-09).
///
/// A window is cut into slices and a slice counts until its last second is over: at no moment
/// are more than the limit alive, and a count is forgotten at most a slice late.
pub struct Counter<K> {
    window: Lifetime,
    capacity: usize,
    table: Mutex<Table<K>>,
}

struct Table<K> {
    counts: HashMap<K, Window>,
    /// The slice in which dead keys were last looked for: once a slice is often enough.
    tidied: Option<i64>,
}

/// The counts of the slices that a window touches, one more than it has, each at its number
/// modulo their count.
#[derive(Clone, Copy)]
struct Window {
    newest: i64,
    counts: [u32; 11],
}

impl<K: Eq + Hash + Clone> Counter<K> {
    /// Counts per `window`, for at most `capacity` keys.
    pub fn new(window: Lifetime, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            table: Mutex::new(Table {
                counts: HashMap::new(),
                tidied: None,
            }),
        }
    }

    /// Forgets every count.
    pub fn forget_all(&self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.counts.clear();
    }

    /// Counts one for `key` unless `limit` is reached within the window; whether it was counted.
    pub fn admit(&self, key: &K, limit: u32, now: Timestamp) -> bool {
        self.admit_many(key, 1, limit, now)
    }

    /// Counts `burden` for `key` unless that goes beyond `limit` within the window; whether it was
    /// counted.
    pub fn admit_many(&self, key: &K, burden: u32, limit: u32, now: Timestamp) -> bool {
        let slice = self.slice(now);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !table.counts.contains_key(key) && !table.has_room(self.capacity, slice) {
            return false;
        }
        let fresh = Window {
            newest: slice,
            counts: Default::default(),
        };
        let window = table.counts.entry(key.clone()).or_insert(fresh);
        window.move_to(slice);
        if self.is_over(slice - SLICES, now) {
            window.forget(slice - SLICES);
        }
        let alive = window
            .counts
            .iter()
            .fold(0, |sum: u32, count| sum.saturating_add(*count));
        let admitted = alive.saturating_add(burden) <= limit;
        if let Some(count) = window.count(window.newest) {
            *count += if admitted { burden } else { 0 };
        }
        admitted
    }

    /// Takes back what was admitted a moment ago, as if it had never been counted.
    pub fn undo(&self, key: &K, burden: u32) {
        self.subtract(key, burden, |newest| (newest - SLICES..=newest).rev());
    }

    /// Takes back what was admitted some time ago and is over; the oldest counts go first, so that
    /// nothing that remains is forgotten too soon.
    pub fn give_back(&self, key: &K, burden: u32) {
        self.subtract(key, burden, |newest| newest - SLICES..=newest);
    }

    fn subtract<I: Iterator<Item = i64>>(
        &self,
        key: &K,
        burden: u32,
        slices: impl FnOnce(i64) -> I,
    ) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = table.counts.get_mut(key) else {
            return;
        };
        let mut left = burden;
        for slice in slices(window.newest) {
            if let Some(count) = window.count(slice) {
                let taken = left.min(*count);
                *count -= taken;
                left -= taken;
            }
        }
        // What counts nothing takes no place: strangers who are refused fill no table.
        if window.counts.iter().all(|count| *count == 0) {
            table.counts.remove(key);
        }
    }

    fn slice(&self, now: Timestamp) -> i64 {
        now.epoch_seconds().div_euclid(self.slice_length())
    }

    fn slice_length(&self) -> i64 {
        (i64::from(self.window.as_seconds()) + SLICES - 1)
            .div_euclid(SLICES)
            .max(1)
    }

    /// Whether what was counted in the last second of `slice` has left the window.
    fn is_over(&self, slice: i64, now: Timestamp) -> bool {
        let last_second = (slice + 1) * self.slice_length() - 1;
        last_second + i64::from(self.window.as_seconds()) <= now.epoch_seconds()
    }
}

impl<K> Table<K> {
    /// Whether one more key may be counted; what the window has left behind makes room.
    fn has_room(&mut self, capacity: usize, slice: i64) -> bool {
        if self.counts.len() >= capacity && self.tidied != Some(slice) {
            self.tidied = Some(slice);
            self.counts
                .retain(|_, window| (slice - window.newest).abs() <= SLICES);
        }
        self.counts.len() < capacity
    }
}

impl Window {
    /// Makes `slice` the newest. A clock that was set back far enough begins anew; a little less
    /// counts as now.
    fn move_to(&mut self, slice: i64) {
        if (slice - self.newest).abs() > SLICES {
            self.counts = Default::default();
            self.newest = slice;
        }
        while self.newest < slice {
            self.newest += 1;
            self.forget(self.newest);
        }
    }

    fn forget(&mut self, slice: i64) {
        if let Some(count) = self.count(slice) {
            *count = 0;
        }
    }

    fn count(&mut self, slice: i64) -> Option<&mut u32> {
        let place = usize::try_from(slice.rem_euclid(SLICES + 1)).ok()?;
        self.counts.get_mut(place)
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

    /// Fills every bucket.
    pub fn forget_all(&self) {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        levels.clear();
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
        counter.give_back(&"a", 1);
        assert!((0..3).all(|_| counter.admit(&"a", 3, at(11))) && !counter.admit(&"a", 3, at(11)));
    }

    #[test]
    fn no_window_holds_more_than_the_limit_wherever_it_begins() {
        for (window, step) in [(600, 7), (600, 61), (60, 1), (10, 1), (7, 3)] {
            let counter = Counter::new(Lifetime::seconds(window), 100);
            let mut admitted: Vec<i64> = Vec::new();
            for second in (0..i64::from(window) * 5).step_by(step) {
                // Nothing at first, then as much as there is room for.
                let early = second % i64::from(window) < i64::from(window) / 2;
                let tries = if early { 0 } else { 3 };
                let more = (0..tries).filter(|_| counter.admit(&"a", 5, at(second)));
                admitted.extend(more.map(|_| second));
                let alive = admitted
                    .iter()
                    .filter(|then| **then > second - i64::from(window));
                assert!(alive.count() <= 5, "{window} {step} {second}");
            }
            assert!(admitted.len() >= 10, "{window} {step}: {}", admitted.len());
        }
    }

    #[test]
    fn what_is_undone_at_once_keeps_nothing_alive() {
        let counter = Counter::new(Lifetime::minutes(10), 100);
        assert!((0..5).all(|_| counter.admit(&"a", 6, at(0))));
        for second in 1..600 {
            assert!(counter.admit(&"a", 6, at(second)), "{second}");
            counter.undo(&"a", 1);
        }
        assert!((0..6).all(|_| counter.admit(&"a", 6, at(660))));
    }

    #[test]
    fn a_clock_set_back_an_hour_does_not_block_for_an_hour() {
        let counter = Counter::new(Lifetime::minutes(10), 100);
        assert!((0..5).all(|_| counter.admit(&"a", 5, at(7200))));
        assert!(!counter.admit(&"a", 5, at(7190)));
        assert!(counter.admit(&"a", 5, at(3600)));
    }

    #[test]
    fn res_09_a_flood_of_keys_neither_grows_the_table_nor_lifts_a_limit() {
        let counter = Counter::new(Lifetime::seconds(10), 100);
        assert!((0..3).all(|_| counter.admit(&0, 3, at(0))));
        let admitted = (1..10_000).filter(|key| counter.admit(key, 1, at(0)));
        assert_eq!(admitted.count(), 99);
        assert_eq!(counter.table.lock().expect("lock").counts.len(), 100);
        assert!(!counter.admit(&0, 3, at(9)), "the limit was lifted");
        // Whoever gives back makes room, and so does time.
        counter.undo(&1, 1);
        assert!(counter.admit(&20_000, 1, at(9)) && !counter.admit(&20_001, 1, at(9)));
        let admitted = (30_000..40_000).filter(|key| counter.admit(key, 1, at(30)));
        assert_eq!(admitted.count(), 100);
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_per_interval() {
        let buckets = Buckets::new(5, Lifetime::seconds(2), 100);
        assert!((0..5).all(|_| buckets.take(&"a", at(0))) && !buckets.take(&"a", at(1)));
        assert!(buckets.take(&"a", at(2)) && !buckets.take(&"a", at(2)));
    }
}
