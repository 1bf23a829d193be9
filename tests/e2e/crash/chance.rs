//! Chance that can be told again from its seed.

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::RangeInclusive,
};

/// xorshift64*: small, and good enough to choose moments.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The chance of a seed.
    pub(super) fn of(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A seed that no other run has.
    pub(super) fn seed() -> u64 {
        RandomState::new().hash_one("a run")
    }

    /// A number in the range.
    pub(super) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        range.start() + drawn % (range.end() - range.start() + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.within(1..=100) <= percent
    }
}
