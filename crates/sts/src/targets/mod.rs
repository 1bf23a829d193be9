//! The credential source: every configured target behind the same protection (RELIABILITY F21).
//!
//! In order: what is cached for this very session is handed out; a call already under way for it
//! is joined; otherwise the target's bulkhead and circuit decide whether a new call may begin. A
//! call runs on a task of its own, so that a client that hangs up neither breaks it off for those
//! who joined nor leaves the circuit in doubt.

mod key;
mod cache;
mod circuit;
mod lane;
mod shelf;

use std::{collections::HashMap, sync::Arc};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::{SessionId, TargetName},
    port::{
        clock::Clock,
        credential_source::{CredentialSource, NotIssued},
        future::BoxFuture,
    },
};

use self::{
    key::Key,
    lane::Lane,
    shelf::{Answer, Found, Shelf, Ticket},
};
use crate::target::Target;

/// All targets of this server, by the names that the configuration gives them.
pub struct Targets {
    lanes: HashMap<TargetName, Arc<Lane>>,
    shelf: Arc<Shelf>,
    clock: Arc<dyn Clock>,
}

impl Targets {
    /// Takes the configured targets.
    pub fn new(targets: HashMap<TargetName, Arc<dyn Target>>, clock: Arc<dyn Clock>) -> Self {
        let lanes = targets
            .into_iter()
            .map(|(name, target)| (name.clone(), Arc::new(Lane::new(name, target))))
            .collect();
        Self {
            lanes,
            shelf: Arc::new(Shelf::default()),
            clock,
        }
    }

    /// Begins the call that `ticket` stands for; whoever holds an answer to it is served.
    fn launch(&self, lane: &Arc<Lane>, ticket: Ticket, request: &CredentialRequest) {
        let admission = match lane.admit() {
            Ok(admission) => admission,
            Err(refusal) => return ticket.land(Err(refusal), self.clock.now()),
        };
        let (lane, clock, request) = (lane.clone(), self.clock.clone(), request.clone());
        tokio::spawn(async move {
            let outcome = lane.call(admission, &request, clock.as_ref()).await;
            ticket.land(outcome, clock.now());
        });
    }
}

impl CredentialSource for Targets {
    fn issue<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        Box::pin(async move {
            let Some(lane) = self.lanes.get(&request.target) else {
                return Err(NotIssued::Unavailable {
                    detail: format!(
                        "no target is named `{}`: configure it or change the role",
                        request.target
                    ),
                });
            };
            match self.shelf.find(Key::of(request), self.clock.now()) {
                Found::Fresh(credentials) => Ok(credentials),
                Found::UnderWay(answer) => answer.wait().await,
                Found::Nothing(ticket) => {
                    let answer: Answer = ticket.answer();
                    self.launch(lane, ticket, request);
                    answer.wait().await
                }
            }
        })
    }

    fn knows(&self, target: &TargetName) -> bool {
        self.lanes.is_empty() || self.lanes.contains_key(target)
    }

    fn forget(&self, session_id: SessionId) {
        self.shelf.forget(session_id);
    }
}
