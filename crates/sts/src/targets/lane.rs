//! One target with its bulkhead, deadline and circuit.

use std::{sync::Arc, time::Duration};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::TargetName,
    port::{clock::Clock, credential_source::NotIssued},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::circuit::{Circuit, Pass};
use crate::target::Target;

/// Calls under way to one target (RES-08). The next is refused at once: a queue would only move
/// the waiting from the client, which knows how to wait, to us.
const IN_FLIGHT: usize = 256;
/// From admission to answer, retries included (POR-10).
const DEADLINE: Duration = Duration::from_secs(8);

pub(super) struct Lane {
    name: TargetName,
    target: Arc<dyn Target>,
    room: Arc<Semaphore>,
    circuit: Arc<Circuit>,
}

/// Leave to make one call.
pub(super) struct Admission {
    pass: Pass,
    _room: OwnedSemaphorePermit,
}

impl Lane {
    pub(super) fn new(name: TargetName, target: Arc<dyn Target>) -> Self {
        Self {
            circuit: Arc::new(Circuit::new(name.to_string())),
            name,
            target,
            room: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Asks for room first and the circuit second, so that a probe that is let through is made.
    pub(super) fn admit(&self) -> Result<Admission, NotIssued> {
        let room = self
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|_| NotIssued::Throttled {
                detail: format!("{IN_FLIGHT} calls to target `{}` are under way", self.name),
            })?;
        let pass = self.circuit.admit().ok_or_else(|| NotIssued::Unavailable {
            detail: format!(
                "target `{}` failed too often and is left alone for a few seconds",
                self.name
            ),
        })?;
        Ok(Admission { pass, _room: room })
    }

    pub(super) async fn call(
        &self,
        admission: Admission,
        request: &CredentialRequest,
        clock: &dyn Clock,
    ) -> Result<RoleCredentials, NotIssued> {
        let outcome = tokio::time::timeout(DEADLINE, self.target.assume(request))
            .await
            .unwrap_or_else(|_| {
                Err(NotIssued::Unavailable {
                    detail: format!(
                        "target `{}` gave no answer within {} s",
                        self.name,
                        DEADLINE.as_secs()
                    ),
                })
            })
            .and_then(|credentials| usable(credentials, clock));
        let failed = matches!(outcome, Err(NotIssued::Unavailable { .. }));
        admission.pass.report(failed);
        outcome
    }
}

/// Clients take credentials that have already ended as a fault of their own and loop (WIRE §5.1).
fn usable(credentials: RoleCredentials, clock: &dyn Clock) -> Result<RoleCredentials, NotIssued> {
    if credentials.expiration <= clock.now() {
        return Err(NotIssued::Unavailable {
            detail: "the target gave credentials that have already expired: compare the clocks"
                .to_owned(),
        });
    }
    Ok(credentials)
}
