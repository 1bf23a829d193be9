//! The issuers port: whether somebody whom we trust has said what is presented.

use std::collections::BTreeMap;

use super::future::BoxFuture;
use crate::{application::IssuerName, secret::Secret, time::Timestamp};

/// Verifies the assertions of trusted issuers (RFC 7523).
pub trait Issuers: Send + Sync {
    /// What an assertion says, if one of the issuers signed it. Whether it is in date, for us and
    /// about whom is the engine's to judge.
    fn verify<'a>(&'a self, assertion: &'a Secret)
    -> BoxFuture<'a, Result<Assertion, NotVerified>>;
}

/// An authentic assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Who said it.
    pub issuer: IssuerName,
    /// `aud`.
    pub audiences: Vec<String>,
    /// `jti`.
    pub id: Option<String>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// The claims by name, members of objects by their path; empty where they are no text.
    pub claims: BTreeMap<String, String>,
}

/// Why an assertion is not believed. The detail is for the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// Not signed by anybody whom we trust, or not well-formed.
    #[error("not verified: {0}")]
    Untrusted(&'static str),
    /// The issuer's keys cannot be had: nobody's mistake.
    #[error("the keys of issuer {issuer} cannot be had: {detail}")]
    Unavailable {
        /// Whose.
        issuer: IssuerName,
        /// What went wrong.
        detail: String,
    },
}

/// Trusts nobody.
pub struct NoIssuers;

impl Issuers for NoIssuers {
    fn verify<'a>(&'a self, _: &'a Secret) -> BoxFuture<'a, Result<Assertion, NotVerified>> {
        Box::pin(async { Err(NotVerified::Untrusted("no issuer is trusted")) })
    }
}
