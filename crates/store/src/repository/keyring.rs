//! The keyring: wrapped root keys by epoch.

use claviger_model::time::Timestamp;

use crate::{
    driver::Driver,
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

/// What an epoch's keys are good for (SECURITY-CASES A2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Makes and verifies tokens; exactly one epoch is active.
    Active,
    /// Verifies what it made while that lives.
    Verifying,
    /// Verifies nothing any more; kept for the record.
    Retired,
    /// Compromised: refused at once.
    Burned,
}

impl EpochState {
    /// The spelling in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Verifying => "verifying",
            Self::Retired => "retired",
            Self::Burned => "burned",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Verifying, Self::Retired, Self::Burned]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One epoch as stored.
#[derive(Clone, Debug)]
pub struct EpochRow {
    /// 1–255, the first byte of every token.
    pub epoch: u8,
    /// What it is good for.
    pub state: EpochState,
    /// The root key under the key-encryption key.
    pub wrapped: Vec<u8>,
    /// Which key file wrapped it.
    pub kek_id: String,
    /// The RSA key under the key-encryption key, once one was made.
    pub rsa: Option<Vec<u8>>,
    /// When it took this state.
    pub since: Timestamp,
}

/// All epochs, oldest first.
pub async fn all(driver: &dyn Driver) -> Result<Vec<EpochRow>, Error> {
    let query =
        Query::new("SELECT epoch, state, wrapped, kek_id, rsa, since FROM keyring ORDER BY epoch");
    driver.fetch(query).await?.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<EpochRow, Error> {
    let mut columns = Columns::of("keyring", row);
    let epoch = columns.small("epoch")?;
    let state = columns.text("state")?;
    let state = EpochState::parse(&state)
        .ok_or_else(|| columns.impossible("state", "no state of an epoch"))?;
    Ok(EpochRow {
        epoch,
        state,
        wrapped: columns.bytes("wrapped")?,
        kek_id: columns.text("kek_id")?,
        rsa: columns.bytes_or_null("rsa")?,
        since: columns.time("since")?,
    })
}

/// The statement that writes an epoch.
pub fn inserting(row: &EpochRow) -> Statement {
    Statement::one(
        "INSERT INTO keyring (epoch, state, wrapped, kek_id, rsa, since) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.epoch)
    .bind(row.state.as_str())
    .bind(row.wrapped.as_slice())
    .bind(row.kek_id.as_str())
    .bind(row.rsa.as_deref())
    .bind(row.since)
}

/// The statement that gives an epoch its RSA key, unless somebody else was first.
pub fn adding_rsa(epoch: u8, wrapped: &[u8]) -> Statement {
    Statement::one("UPDATE keyring SET rsa = $2 WHERE epoch = $1 AND rsa IS NULL")
        .bind(epoch)
        .bind(wrapped)
}

/// The statement that moves the active epoch on to verifying.
pub fn superseding(epoch: u8, now: Timestamp) -> Statement {
    Statement::one(
        "UPDATE keyring SET state = 'verifying', since = $2 WHERE epoch = $1 AND state = 'active'",
    )
    .bind(epoch)
    .bind(now)
}
