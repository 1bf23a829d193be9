//! Machine keys of applications.

use claviger_model::application::{ApplicationName, MachineKey, MachineKeyState};

use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

/// The key of that id with its sealed secret.
pub async fn by_id(
    driver: &dyn Driver,
    access_key_id: &str,
) -> Result<Option<(MachineKey, Vec<u8>)>, Error> {
    let query = Query::new(
        "SELECT key_id, application, state, created_at, secret FROM machine_keys WHERE key_id = $1",
    );
    let row = driver::fetch_one(driver, query.bind(access_key_id)).await?;
    row.map(|row| {
        let mut columns = Columns::of("machine_keys", row);
        Ok((read(&mut columns)?, columns.bytes("secret")?))
    })
    .transpose()
}

/// All keys, oldest first.
pub async fn all(driver: &dyn Driver) -> Result<Vec<MachineKey>, Error> {
    let query = Query::new(
        "SELECT key_id, application, state, created_at FROM machine_keys \
         ORDER BY created_at, key_id",
    );
    let rows = driver.fetch(query).await?;
    rows.into_iter()
        .map(|row: Row| read(&mut Columns::of("machine_keys", row)))
        .collect()
}

fn read(columns: &mut Columns) -> Result<MachineKey, Error> {
    let access_key_id = columns.text("key_id")?;
    let application = columns.text("application")?;
    let application = ApplicationName::parse(&application)
        .map_err(|error| columns.impossible("application", error))?;
    let state = columns.text("state")?;
    let state = MachineKeyState::parse(&state)
        .ok_or_else(|| columns.impossible("state", "no state of a machine key"))?;
    Ok(MachineKey {
        access_key_id,
        application,
        state,
        created_at: columns.time("created_at")?,
    })
}

/// The statement that adds a key.
pub fn adding(key: &MachineKey, sealed: Vec<u8>) -> Statement {
    Statement::one(
        "INSERT INTO machine_keys (key_id, application, secret, state, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(key.access_key_id.as_str())
    .bind(key.application.as_str())
    .bind(sealed)
    .bind(key.state.as_str())
    .bind(key.created_at)
}

/// The statement that stops a key, once.
pub fn disabling(access_key_id: &str) -> Statement {
    Statement::one(
        "UPDATE machine_keys SET state = 'disabled' WHERE key_id = $1 AND state = 'active'",
    )
    .bind(access_key_id)
    .even_when_full()
}
