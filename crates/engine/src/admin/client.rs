//! Clients as the operator sees them: a registration is stateless, so denying one is a row.

use std::sync::PoisonError;

use claviger_model::{audit::Action, client::Client, session::EndReason};
use claviger_store::{
    repository::{denied_client, session},
    statement::{Applied, Plan},
};

use crate::{
    audit,
    client::authenticate::find,
    context::Context,
    error::{Error, Kind},
};

/// Denies a client by its id and ends its sessions (REG-12); answers how many ended.
/// `Kind::InvalidRequest` when the text is no client id of this instance.
pub async fn deny(context: &Context, client_id: &str, reason: &str) -> Result<usize, Error> {
    let client = read(context, client_id)?;
    let now = context.now();
    let record = audit::by_operator(
        Action::ClientDeny,
        client.metadata.name.as_str(),
        format!("client {}: {reason}", client.reference),
        now,
    );
    let plan = Plan::of(denied_client::denying(client.reference, reason, now))
        .then(audit::recording(context, &record))
        .then(session::ending_of_client(
            client.reference,
            EndReason::Administrator,
            now,
        ));
    let applied = context.store.apply(plan).await?;
    context
        .denied_clients
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(client.reference);
    match applied {
        Applied::Whole { changed } => Ok(changed),
        Applied::Unmet { .. } => Ok(0),
    }
}

/// Takes a denial back.
pub async fn allow(context: &Context, client_id: &str) -> Result<(), Error> {
    let client = read(context, client_id)?;
    let record = audit::by_operator(
        Action::ClientAllow,
        client.metadata.name.as_str(),
        format!("client {}", client.reference),
        context.now(),
    );
    let plan = Plan::of(denied_client::allowing(client.reference))
        .then(audit::recording(context, &record));
    context.store.apply(plan).await?;
    context
        .denied_clients
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&client.reference);
    Ok(())
}

fn read(context: &Context, id: &str) -> Result<Client, Error> {
    let known = find(context, id);
    known.map(|known| known.client).ok_or_else(|| {
        Kind::InvalidRequest
            .because(
                "This is no client id of this instance. Copy the whole clientId of RegisterClient, or name \
                 an application of the configuration.",
            )
            .into()
    })
}
