//! The web identity port: who somebody is, signed for a target that trusts our word.

use std::borrow::Cow;

use super::credential_source::NotIssued;
use crate::{id::UserId, secret::Secret};

/// Signs who somebody is (`AssumeRoleWithWebIdentity`).
pub trait WebIdentity: Send + Sync {
    /// A token for one call, good for a few minutes.
    fn token(&self, statement: &Statement<'_>) -> Result<Secret, NotIssued>;
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Whom it is for.
    pub audience: &'a str,
    /// Whom it is about: never given to anybody else.
    pub user_id: UserId,
    /// Under which name the person acts, where the target is to fix it as source identity.
    pub source_identity: Option<&'a str>,
    /// Tags of the session, for attribute-based policies.
    pub tags: Vec<(&'static str, Cow<'a, str>)>,
}
