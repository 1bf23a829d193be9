//! The client_credentials grant (RFC 6749 §4.4): an application asks in its own name, and has the assignments of the
//! user that the operator lends it.

use claviger_model::session::SessionOrigin;

use super::{lending, request::Issued, step::Step};
use crate::{
    error::{Error, Kind},
    session::Beginning,
};

pub(crate) async fn redeem(step: &Step<'_>) -> Result<Issued, Error> {
    let name = step.application.and_then(|own| own.user.as_ref());
    let user = match name {
        Some(name) => lending::user(step.context, name).await?,
        None => None,
    };
    let user = user.ok_or_else(|| {
        Kind::UnauthorizedClient.because(
            "This application has no user of its own here, or the user is disabled. Ask the operator.",
        )
    })?;
    // There is nobody to tell about.
    let own = step.client.metadata.scopes.without_people();
    if own.is_empty() {
        // No scope at all would open what it does for AWS clients of before 2022.
        return Err(Kind::InvalidScope
            .because("This application has no scope for itself. Ask the operator for one.")
            .into());
    }
    let scopes = step.narrow(&own)?;
    let beginning = Beginning::of(step.client, SessionOrigin::ClientCredentials, step.now);
    lending::begin(step, &user, beginning, scopes).await
}
