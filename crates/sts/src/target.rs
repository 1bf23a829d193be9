//! One place that vends credentials, without any protection around it.

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    port::{credential_source::NotIssued, future::BoxFuture},
};

/// A configured STS. [`crate::targets::Targets`] bounds how often and how long it is asked.
pub trait Target: Send + Sync {
    /// Asks once for credentials of the request's role.
    ///
    /// `Refused` is about this one role and leaves the target in good repute; `Unavailable` is
    /// about the target as a whole and counts towards opening its circuit.
    fn assume<'a>(
        &'a self,
        request: &'a CredentialRequest,
    ) -> BoxFuture<'a, Result<RoleCredentials, NotIssued>>;
}
