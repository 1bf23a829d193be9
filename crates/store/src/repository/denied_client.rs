//! Clients that an operator has denied.

use claviger_model::{id::ClientRef, time::Timestamp};

use crate::{
    driver::Driver,
    error::Error,
    statement::{Query, Statement},
    value::Columns,
};

/// All denied clients.
pub async fn all(driver: &dyn Driver) -> Result<Vec<ClientRef>, Error> {
    let rows = driver
        .fetch(Query::new("SELECT cref FROM denied_clients"))
        .await?;
    rows.into_iter()
        .map(|row| {
            Columns::of("denied_clients", row)
                .array("cref")
                .map(ClientRef::from_bytes)
        })
        .collect()
}

/// The statement that denies a client.
pub fn denying(client: ClientRef, reason: &str, now: Timestamp) -> Statement {
    Statement::any(
        "INSERT INTO denied_clients (cref, reason, since) VALUES ($1, $2, $3) \
         ON CONFLICT (cref) DO NOTHING",
    )
    .bind(client.as_bytes())
    .bind(reason)
    .bind(now)
    .even_when_full()
}

/// The statement that takes a denial back.
pub fn allowing(client: ClientRef) -> Statement {
    Statement::any("DELETE FROM denied_clients WHERE cref = $1").bind(client.as_bytes())
}
