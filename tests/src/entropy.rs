//! Chance that a seed decides: the same on every run, never the same twice within one.

use std::sync::atomic::{AtomicU64, Ordering};

use claviger_model::port::entropy::Entropy;
use sha2::{Digest as _, Sha256};

/// Bytes of SHA-256 over a seed and a counter.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: String,
    drawn: AtomicU64,
}

impl SeededEntropy {
    /// Chance that `seed` decides.
    pub fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            drawn: AtomicU64::new(0),
        }
    }

    /// Chance that the running test's name decides: no two tests draw the same secrets, so that
    /// the scanner can tell whose one is.
    pub fn of_this_test() -> Self {
        Self::new(std::thread::current().name().unwrap_or("no test"))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            let mut hash = Sha256::new();
            hash.update(self.seed.as_bytes());
            hash.update(number.to_be_bytes());
            let block = hash.finalize();
            chunk
                .iter_mut()
                .zip(block)
                .for_each(|(to, from)| *to = from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_between_runs_and_never_within_one() {
        let draw = |entropy: &SeededEntropy| {
            let mut bytes = [0; 40];
            entropy.fill(&mut bytes);
            bytes
        };
        let (one, same, other) = (
            SeededEntropy::new("1"),
            SeededEntropy::new("1"),
            SeededEntropy::new("2"),
        );
        let first = draw(&one);
        assert_eq!(first, draw(&same));
        assert_ne!(first, draw(&one));
        assert_ne!(first, draw(&other));
    }
}
