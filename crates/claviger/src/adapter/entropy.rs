//! The operating system's source of chance.

use claviger_model::port::entropy::Entropy;

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
