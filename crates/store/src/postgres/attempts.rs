//! How long a read or a plan may take, and when it is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::Trouble;
use crate::error::Error;

/// How long a plan or a read may take: shorter than the 3 s that a request has, so that whoever asked can
/// still answer in their own words (TOK-10).
pub(super) const PATIENCE: Duration = Duration::from_millis(2500);

/// Attempts after the first (RELIABILITY §3).
const MORE: u32 = 3;

/// The pause before the second attempt; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// The attempts at one read or plan.
pub(super) struct Attempts {
    made: u32,
    deadline: Instant,
}

impl Attempts {
    /// For whoever waits no longer than this.
    pub(super) const fn until(deadline: Instant) -> Self {
        Self { made: 0, deadline }
    }

    /// Waits for the next attempt, or gives up.
    pub(super) async fn pause(&mut self, trouble: Trouble) -> Result<(), Error> {
        let next = Instant::now() + PAUSE * 2_u32.pow(self.made);
        self.made += 1;
        match trouble {
            Trouble::Again(_) if self.made <= MORE && next < self.deadline => {
                sleep(next - Instant::now()).await;
                Ok(())
            }
            trouble => Err(trouble.give_up()),
        }
    }
}

/// What is said when a deadline has passed and nothing was written.
pub(super) fn too_slow() -> Error {
    Error::Unavailable("PostgreSQL did not answer in time".to_owned())
}
