//! The connections that reads and writes have in common.

use std::{sync::Arc, time::Duration};

use deadpool::{
    Runtime,
    managed::{Object, Pool, PoolError, Timeouts},
};
use tokio::time::{Instant, timeout_at};

use super::{attempts::too_slow, condition::Condition, error::Trouble, opener::Opener};
use crate::error::Error;

/// Connections of one node.
const CONNECTIONS: usize = 16;

/// How long to wait for one of them.
const WAIT: Duration = Duration::from_secs(2);

/// A store's connections.
pub(super) struct Connections {
    pool: Pool<Opener>,
    pub(super) condition: Arc<Condition>,
}

impl Connections {
    pub(super) fn new(opener: Opener) -> Self {
        let condition = Arc::clone(&opener.condition);
        let pool = Pool::builder(opener)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts::wait_millis(
                WAIT.as_millis().try_into().unwrap_or(u64::MAX),
            ))
            .build();
        // The builder fails for timeouts without a runtime alone, and there is one.
        #[expect(clippy::expect_used, reason = "both are named three lines above")]
        let pool = pool.expect("timeouts and a runtime");
        Self { pool, condition }
    }

    pub(super) async fn get(&self, deadline: Instant) -> Result<Object<Opener>, Trouble> {
        let unavailable = |why: &str| Trouble::Final(Error::Unavailable(why.to_owned()));
        let got = timeout_at(deadline, self.pool.get()).await;
        got.map_err(|_| Trouble::Final(too_slow()))?
            .map_err(|error| match error {
                PoolError::Backend(trouble) => trouble,
                PoolError::Timeout(_) => unavailable("all connections to PostgreSQL are in use"),
                PoolError::Closed
                | PoolError::NoRuntimeSpecified
                | PoolError::PostCreateHook(_) => unavailable("the store is closed"),
            })
    }

    /// Lets nobody have one any more.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}
