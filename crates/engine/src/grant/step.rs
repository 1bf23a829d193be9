//! What the shared steps hand to a grant.

use claviger_model::{
    application::Application, client::Client, directory::User, network::Requester, scope::ScopeSet,
    time::Timestamp,
};
use claviger_store::statement::{Applied, Plan, Statement};

use crate::{
    client::register::check_policy,
    context::Context,
    error::{Error, Kind, Refusal},
    issued::Issued,
    session::{self, Beginning},
};

/// An authenticated client that may use the grant, at one moment.
pub(crate) struct Step<'a> {
    pub(crate) context: &'a Context,
    pub(crate) requester: &'a Requester,
    pub(crate) client: &'a Client,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) now: Timestamp,
    /// What the client is, if an operator configured it.
    pub(crate) application: Option<&'a Application>,
    /// What may be presented once only.
    pub(crate) once: Vec<Once>,
}

/// What may be presented once: the statement that remembers it, and what is said the second time.
pub(crate) struct Once {
    pub(crate) statement: Statement,
    pub(crate) refusal: Refusal,
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

    /// What the request asks for of `granted`: of its scopes, or less of the portal than they open.
    pub(crate) fn narrow(&self, granted: &ScopeSet) -> Result<ScopeSet, Error> {
        let narrowed = granted.narrow(self.scopes).map_err(|_| {
            Kind::InvalidScope
                .because("A scope is asked for that the application does not have. Ask for less.")
        })?;
        check_policy(self.context, &narrowed)?;
        Ok(narrowed)
    }

    /// Applies the effect of a grant together with the memory of what may be presented once: never one
    /// without the other. False when a racer was faster.
    pub(crate) async fn apply(&self, effect: Plan) -> Result<bool, Error> {
        let once = self.once.iter().map(|once| once.statement.clone());
        let plan = Plan(once.collect()).and(effect);
        if plan.0.is_empty() {
            return Ok(true);
        }
        match self.context.store.apply(plan).await? {
            Applied::Whole { .. } => Ok(true),
            Applied::Unmet { statement } => match self.once.get(statement) {
                Some(once) => Err(once.refusal.clone().into()),
                None => Ok(false),
            },
        }
    }

    /// Begins a session of `user` and answers its tokens, which carry `scopes`.
    pub(crate) async fn begin(
        &self,
        user: &User,
        beginning: Beginning,
        scopes: ScopeSet,
    ) -> Result<Issued, Error> {
        let beginning = Beginning {
            scopes: scopes.clone(),
            ..beginning
        };
        let (begun, starting) =
            session::begin(self.context, self.requester, user, beginning, self.now).await?;
        if !self.apply(starting).await? {
            return Err(Self::contended());
        }
        Ok(session::tokens(self.context, &begun, scopes, self.now))
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
