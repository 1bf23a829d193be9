//! Requests, clocks and targets of the tests.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::{AccountId, RoleName, SessionId, TargetName, UserId},
    port::{
        clock::Clock,
        credential_source::NotIssued,
        entropy::Entropy,
        future::BoxFuture,
        web_identity::{Statement, WebIdentity},
    },
    secret::Secret,
    time::{Lifetime, Timestamp},
};
use claviger_sts::{target::Target, targets::Targets};
use tokio::sync::Semaphore;

/// 2026-11-25T00:00:00Z.
pub(crate) const NOW: i64 = 1_795_564_800;

pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(seconds)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The real time, for the official client that knows no other.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the SDK signs with the real time"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Timestamp::from_epoch_seconds(since.as_secs().try_into().unwrap())
    }
}

/// Bytes that differ at each draw and are the same in each run.
#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let drawn = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            *byte = (drawn >> 40).to_le_bytes()[0];
        }
    }
}

pub(crate) fn request(session: u8, user: u8) -> CredentialRequest {
    CredentialRequest {
        target: TargetName::parse("aws").unwrap(),
        account_id: AccountId::parse("111122223333").unwrap(),
        role_name: RoleName::parse("Developer").unwrap(),
        role_arn: "arn:aws:iam::111122223333:role/team/DeveloperRole".to_owned(),
        duration: Lifetime::hours(1),
        policy_arn: None,
        user_id: UserId::from_bytes([user; 16]),
        user_name: "alice".to_owned(),
        session_id: SessionId::from_bytes([session; 16]),
    }
}

/// A target that answers when it is let: one permit of `gate` for each call.
pub(crate) struct Gated {
    pub(crate) gate: Semaphore,
    pub(crate) calls: AtomicUsize,
    pub(crate) outcome: Mutex<Result<Lifetime, NotIssued>>,
    clock: Arc<HandClock>,
}

impl Gated {
    pub(crate) fn closed(clock: &Arc<HandClock>) -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            calls: AtomicUsize::new(0),
            outcome: Mutex::new(Ok(Lifetime::hours(1))),
            clock: clock.clone(),
        })
    }

    pub(crate) fn open(clock: &Arc<HandClock>) -> Arc<Self> {
        let target = Self::closed(clock);
        target.gate.add_permits(1_000_000);
        target
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn answers(&self, outcome: Result<Lifetime, NotIssued>) {
        *self.outcome.lock().unwrap() = outcome;
    }
}

impl Target for Gated {
    fn assume<'a>(
        &'a self,
        _: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>> {
        Box::pin(async move {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            let life = self.outcome.lock().unwrap().clone()?;
            Ok(RoleCredentials {
                access_key_id: format!("ASIA{call}"),
                secret_access_key: Secret::from("secret"),
                session_token: Secret::from("token"),
                expiration: self.clock.now().plus(life),
            })
        })
    }
}

pub(crate) fn targets(target: Arc<dyn Target>, clock: &Arc<HandClock>) -> Arc<Targets> {
    let name = TargetName::parse("aws").unwrap();
    Arc::new(Targets::new(HashMap::from([(name, target)]), clock.clone()))
}

/// Signs nothing: its tokens are what they say, to be read.
pub(crate) struct Word;

impl WebIdentity for Word {
    fn token(&self, statement: &Statement<'_>) -> Result<Secret, NotIssued> {
        let mut words = vec![
            format!("aud={}", statement.audience),
            format!("sub={}", statement.user_id),
            format!("source={}", statement.source_identity.unwrap_or_default()),
        ];
        words.extend(
            statement
                .tags
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        Ok(Secret::new(words.join(" ")))
    }
}
