//! The system's clock, and one that can be moved.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use claviger_model::{port::clock::Clock, time::Timestamp};

/// Tells the system's time.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock port's one adapter"
        )]
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_epoch_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// The system's clock with a hand on it, for `claviger dev`.
#[derive(Default)]
pub(crate) struct MovableClock(Mutex<Setting>);

/// How the hand holds the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Seconds ahead of the system; negative behind it.
    pub(crate) ahead: i64,
    /// The second at which it stands still.
    pub(crate) frozen_at: Option<Timestamp>,
}

impl MovableClock {
    /// How it is held.
    pub(crate) fn setting(&self) -> Setting {
        *self.lock()
    }

    /// Lets it run as the system's does.
    pub(crate) fn let_go(&self) {
        *self.lock() = Setting::default();
    }

    /// Moves it by `seconds`, whether it runs or stands.
    pub(crate) fn advance(&self, seconds: i64) {
        let mut setting = self.lock();
        setting.ahead = setting.ahead.saturating_add(seconds);
        setting.frozen_at = setting.frozen_at.map(|at| {
            let moved = at.epoch_seconds().saturating_add(seconds);
            Timestamp::from_epoch_seconds(moved)
        });
    }

    /// Sets it to `now`, whether it runs or stands.
    pub(crate) fn set(&self, now: Timestamp) {
        self.advance(now.seconds_since(self.now()));
    }

    /// Lets it stand still, or run on from where it stands.
    pub(crate) fn freeze(&self, frozen: bool) {
        let now = self.now();
        let mut setting = self.lock();
        setting.ahead = now.seconds_since(SystemClock.now());
        setting.frozen_at = frozen.then_some(now);
    }

    fn lock(&self) -> MutexGuard<'_, Setting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let setting = self.setting();
        setting.frozen_at.unwrap_or_else(|| {
            let system = SystemClock.now().epoch_seconds();
            Timestamp::from_epoch_seconds(system.saturating_add(setting.ahead))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_stands_moves_when_pushed_and_runs_on_from_where_it_stood() {
        let clock = MovableClock::default();
        clock.set(Timestamp::from_epoch_seconds(1_000_000));
        clock.freeze(true);
        let stood = clock.now();
        assert!(stood.seconds_since(Timestamp::from_epoch_seconds(1_000_000)) <= 2);
        clock.advance(3600);
        assert_eq!(clock.now().seconds_since(stood), 3600);
        clock.freeze(false);
        assert!((3600..3603).contains(&clock.now().seconds_since(stood)));
        clock.let_go();
        assert!(clock.now().seconds_since(SystemClock.now()) <= 1);
    }
}
