//! What must be equal for two requests to be the same request (POR-11).

use claviger_model::{
    credentials::CredentialRequest,
    id::{AccountId, RoleName, SessionId, TargetName, UserId},
    time::Lifetime,
};

/// Every member of a request. The session comes first: nothing is shared between two sessions,
/// let alone two people, and a renamed person or a changed role is asked for anew.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) session_id: SessionId,
    user_id: UserId,
    user_name: String,
    target: TargetName,
    account_id: AccountId,
    role_name: RoleName,
    role_arn: String,
    duration: Lifetime,
    policy_arn: Option<String>,
}

impl Key {
    pub(super) fn of(request: &CredentialRequest) -> Self {
        Self {
            session_id: request.session_id,
            user_id: request.user_id,
            user_name: request.user_name.clone(),
            target: request.target.clone(),
            account_id: request.account_id.clone(),
            role_name: request.role_name.clone(),
            role_arn: request.role_arn.clone(),
            duration: request.duration,
            policy_arn: request.policy_arn.clone(),
        }
    }
}
