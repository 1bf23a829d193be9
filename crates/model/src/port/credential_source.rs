//! The credential source port: targets that vend role credentials.

use super::future::BoxFuture;
use crate::{
    credentials::{CredentialRequest, RoleCredentials},
    id::{SessionId, TargetName},
};

/// Vends credentials from the configured targets.
pub trait CredentialSource: Send + Sync {
    /// Asks the request's target. Answers within 8 s in every case (POR-10).
    fn issue<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>>;

    /// Whether a role may name this target. A source without any target, as administration without
    /// a server has it, cannot tell and knows them all.
    fn knows(&self, target: &TargetName) -> bool;

    /// Forgets whatever is cached for a session that has ended (POR-11).
    fn forget(&self, session_id: SessionId);
}

/// Why a target gave no credentials (POR-10). The detail is for the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    /// The target refused the role: answered as `ForbiddenException` "No access".
    #[error("the target refused: {detail}")]
    Refused {
        /// The target's words.
        detail: String,
    },
    /// The target or our bulkhead asks for patience: 429.
    #[error("the target is throttling: {detail}")]
    Throttled {
        /// What is full.
        detail: String,
    },
    /// Down, slow, or speaking garbage: 503.
    #[error("the target is unavailable: {detail}")]
    Unavailable {
        /// What went wrong.
        detail: String,
    },
}
