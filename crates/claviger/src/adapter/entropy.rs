//! The operating system's source of chance, and one that repeats itself.

use std::sync::{Mutex, PoisonError};

use claviger_model::port::entropy::Entropy;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Asks the operating system.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::panic,
        clippy::disallowed_methods,
        reason = "the entropy port's one adapter; a system without chance must not serve"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// Gives the same bytes for the same seed, for `claviger dev --seed`. Whoever knows the seed knows
/// every secret.
pub(crate) struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chance.fill_bytes(bytes);
    }
}
