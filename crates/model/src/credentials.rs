//! Short-term credentials of a role, and what is asked of a target to get them.

use crate::id::{AccountId, RoleName, SessionId, TargetName, UserId};
use crate::secret::Secret;
use crate::time::{Lifetime, Timestamp};

/// Short-term credentials as AWS knows them (portal `GetRoleCredentials`, WIRE §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCredentials {
    /// Begins with `ASIA` at AWS and at the toy STS.
    pub access_key_id: String,
    /// The signing key.
    pub secret_access_key: Secret,
    /// The session token that accompanies every signed request.
    pub session_token: Secret,
    /// When they end.
    pub expiration: Timestamp,
}

/// One request for credentials; every member comes from our own tables, never from user input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRequest {
    /// Which configured target is to be asked.
    pub target: TargetName,
    /// The account that the role lives in.
    pub account_id: AccountId,
    /// The role's name in the portal.
    pub role_name: RoleName,
    /// The role's ARN as stored in the directory.
    pub role_arn: String,
    /// How long the credentials shall live: 15 min to 12 h.
    pub duration: Lifetime,
    /// The ARN of a policy that they are limited by, beside the role's own: a session policy.
    pub policy_arn: Option<String>,
    /// Who will hold them. Part of the cache key, so that two people never share (POR-11).
    pub user_id: UserId,
    /// The person's name, unaltered: the adapter derives the role session name (POR-06).
    pub user_name: String,
    /// The session that asked; credentials are cached for it alone (POR-11).
    pub session_id: SessionId,
}
