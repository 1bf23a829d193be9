//! The clock port.

use crate::time::Timestamp;

/// Tells the time. A use case reads it once and passes `now` on.
pub trait Clock: Send + Sync {
    /// The present second.
    fn now(&self) -> Timestamp;
}
