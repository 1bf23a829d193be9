//! A credential source that does as it is told and remembers what it was asked.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::{SessionId, TargetName},
    port::{
        clock::Clock as _,
        credential_source::{CredentialSource, NotIssued},
        future::BoxFuture,
    },
    secret::Secret,
};

use crate::clock::ManualClock;

/// A scripted source.
pub struct FakeCredentials {
    clock: std::sync::Arc<ManualClock>,
    refusal: Mutex<Option<NotIssued>>,
    asked: Mutex<Vec<CredentialRequest>>,
    forgotten: Mutex<Vec<SessionId>>,
    issued: AtomicUsize,
}

impl FakeCredentials {
    /// A source that gives what is asked.
    pub fn new(clock: std::sync::Arc<ManualClock>) -> Self {
        Self {
            clock,
            refusal: Mutex::default(),
            asked: Mutex::default(),
            forgotten: Mutex::default(),
            issued: AtomicUsize::new(0),
        }
    }

    /// Answers every request with `refusal` from now on; `None` gives again.
    pub fn refuse_with(&self, refusal: Option<NotIssued>) {
        *lock(&self.refusal) = refusal;
    }

    /// How often it was asked.
    pub fn calls(&self) -> usize {
        lock(&self.asked).len()
    }

    /// The requests in their order.
    pub fn requests(&self) -> Vec<CredentialRequest> {
        lock(&self.asked).clone()
    }

    /// The sessions that it was told to forget.
    pub fn forgotten(&self) -> Vec<SessionId> {
        lock(&self.forgotten).clone()
    }
}

impl CredentialSource for FakeCredentials {
    fn issue<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        lock(&self.asked).push(request.clone());
        let refusal = lock(&self.refusal).clone();
        let answer = if let Some(refusal) = refusal {
            Err(refusal)
        } else {
            let number = self.issued.fetch_add(1, Ordering::SeqCst);
            Ok(RoleCredentials {
                access_key_id: format!("ASIAFAKE{number:012}"),
                secret_access_key: Secret::new(format!("fake-signing-key/{number:08}+fake")),
                session_token: Secret::new(format!("fake-session-token/{number:08}==")),
                expiration: self.clock.now().plus(request.duration),
            })
        };
        Box::pin(std::future::ready(answer))
    }

    fn knows(&self, _: &TargetName) -> bool {
        true
    }

    fn forget(&self, session_id: SessionId) {
        lock(&self.forgotten).push(session_id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
