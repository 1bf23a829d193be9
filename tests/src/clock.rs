//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use claviger_model::{port::clock::Clock, time::Timestamp};

/// Where every test begins: a whole ten minutes, so that throttle windows begin there too.
pub const START: i64 = 1_800_000_000;

/// A clock moved by hand.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(START))
    }
}

impl ManualClock {
    /// Moves the clock by `seconds`, backwards when negative.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock to `seconds` after [`START`].
    pub fn set(&self, seconds: i64) {
        self.0.store(START + seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(self.0.load(Ordering::SeqCst))
    }
}
