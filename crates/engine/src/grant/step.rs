//! What the shared steps hand to a grant.

use claviger_model::{client::Client, network::Requester, scope::ScopeSet, time::Timestamp};

use crate::{
    context::Context,
    error::{Error, Kind},
};

/// An authenticated client that may use the grant, at one moment.
pub(crate) struct Step<'a> {
    pub(crate) context: &'a Context,
    pub(crate) requester: &'a Requester,
    pub(crate) client: &'a Client,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) now: Timestamp,
}

impl Step<'_> {
    /// What of `granted` the request asks for; all of it when it names none.
    pub(crate) fn restrict(&self, granted: &ScopeSet) -> Result<ScopeSet, Error> {
        granted.restrict(self.scopes).map_err(|_| {
            Kind::InvalidScope
                .because(
                    "A scope is asked for that was not granted. Ask for less, or sign in again.",
                )
                .into()
        })
    }

    /// Three racers in a row were faster: nobody's mistake, and worth a retry.
    pub(crate) fn contended() -> Error {
        Kind::Unavailable
            .because("This grant is in use by others. Try again in a moment.")
            .into()
    }
}

/// How often a judgement is repeated when a racer changed what it was made of.
pub(crate) const ATTEMPTS: usize = 3;
