//! The password hasher port.

use super::future::BoxFuture;
use crate::secret::Secret;

/// Hashes and verifies passwords on threads of its own, a bounded number at a time (SGN-09).
pub trait PasswordHasher: Send + Sync {
    /// A new encoded hash (PHC string) of `password`.
    fn hash<'a>(&'a self, password: &'a Secret) -> BoxFuture<'a, Result<String, HashingFailed>>;

    /// Whether `password` is the one behind `encoded`. With `None` the same work is done over a
    /// dummy hash and the answer is `false`, so that unknown names take as long (SGN-01).
    fn verify<'a>(
        &'a self,
        password: &'a Secret,
        encoded: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, HashingFailed>>;
}

/// Why no verdict could be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashingFailed {
    /// The queue is full: answer 503, nothing is wrong with the password.
    #[error("too many password checks are waiting")]
    Busy,
    /// The stored hash cannot be read.
    #[error("a stored password hash is unreadable: {0}")]
    Unreadable(String),
}
