//! Makes connections, on the runtime that the store was opened on.

use std::sync::Arc;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio::{runtime::Handle, task::JoinSet};

use super::{address::Address, condition::Condition, connection::Connection, error::Trouble};

/// What all connections of a store have in common.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) address: Address,
    pub(super) condition: Arc<Condition>,
    pub(super) runtime: Handle,
}

impl Manager for Opener {
    type Type = Connection;
    type Error = Trouble;

    async fn create(&self) -> Result<Connection, Trouble> {
        let (address, condition) = (self.address.clone(), Arc::clone(&self.condition));
        // Whoever stops waiting for it ends it.
        let mut opening = JoinSet::new();
        let open = async move { Connection::open(&address, &condition).await };
        opening.spawn_on(open, &self.runtime);
        match opening.join_next().await {
            Some(Ok(opened)) => opened,
            Some(Err(stopped)) => Err(Trouble::Again(stopped.to_string())),
            None => Err(Trouble::Again("no connection was opened".to_owned())),
        }
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Trouble> {
        if connection.is_fit(&self.condition) {
            Ok(())
        } else {
            Err(RecycleError::message("closed"))
        }
    }
}
