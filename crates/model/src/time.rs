//! Points and spans of time: whole seconds, UTC. Reading a clock is the `Clock` port's business.

/// Requests read the clock when they arrive, so one may carry a `now` up to its own deadline (3 s)
/// older than what another request has just written.
const CLOCK_READ_SKEW: i64 = 3;

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `seconds` after the epoch.
    pub const fn from_epoch_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn epoch_seconds(self) -> i64 {
        self.0
    }

    /// The point `span` later; stays at the last representable second instead of overflowing.
    #[must_use]
    pub const fn plus(self, span: Lifetime) -> Self {
        Self(self.0.saturating_add(span.0 as i64))
    }

    /// The point `span` earlier.
    #[must_use]
    pub const fn minus(self, span: Lifetime) -> Self {
        Self(self.0.saturating_sub(span.0 as i64))
    }

    /// Seconds from `earlier` to here; negative when `earlier` lies ahead.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// True when less than `span` has passed since `self`. A clock that was set back stretches no
    /// window (SECURITY-CASES D5 c, REF-21): a `now` before `self` counts as no time at all, and only
    /// within a request's own deadline.
    pub fn is_within(self, span: Lifetime, now: Self) -> bool {
        let age = now.seconds_since(self);
        // A window of zero is none, however little less than nothing has passed (REF-09).
        age >= -CLOCK_READ_SKEW && age.max(0) < i64::from(span.0)
    }

    /// What remains until here, zero when it has passed.
    pub const fn remaining(self, now: Self) -> Lifetime {
        let left = self.0.saturating_sub(now.0);
        if left <= 0 {
            Lifetime(0)
        } else if left > u32::MAX as i64 {
            Lifetime(u32::MAX)
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "bounded by the two branches above"
            )]
            Lifetime(left as u32)
        }
    }
}

/// A span of time in whole seconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(u32);

impl Lifetime {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `seconds`.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// A span of `minutes`.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// A span of `hours`.
    pub const fn hours(hours: u32) -> Self {
        Self(hours.saturating_mul(3600))
    }

    /// A span of `days`.
    pub const fn days(days: u32) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// The span in seconds.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }
}
