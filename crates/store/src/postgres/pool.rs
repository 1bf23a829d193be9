//! The connections that reads and writes have in common, and what comes of an attempt on one of them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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
    /// Texts that this server does not take for many at once.
    single: Mutex<HashSet<&'static str>>,
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
        Self {
            pool,
            condition,
            single: Mutex::default(),
        }
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

    /// Whether a text may be sent for many at once, as far as is known.
    pub(super) fn takes_many(&self, text: &'static str) -> bool {
        let single = self.single.lock();
        let single = single.unwrap_or_else(PoisonError::into_inner);
        !single.contains(text)
    }

    /// Notes why a text went for each by itself.
    pub(super) fn went_alone(&self, text: &'static str, trouble: Trouble) {
        if matches!(trouble, Trouble::Final(Error::Statement(_))) {
            let single = self.single.lock();
            let mut single = single.unwrap_or_else(PoisonError::into_inner);
            single.insert(text);
        }
        let why = trouble.reason();
        tracing::debug!(why, text, "not for many at once");
    }
}
