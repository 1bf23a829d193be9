//! Key epochs: listing and rotating them (SECURITY-CASES A2, F17).

use claviger_model::time::Timestamp;
use claviger_store::repository::keyring::EpochState;

use crate::{context::Context, error::Error};

/// One epoch as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub epoch: u8,
    /// Its state.
    pub state: EpochState,
    /// Since when.
    pub since: Timestamp,
}

/// All epochs, oldest first.
pub async fn list(context: &Context) -> Result<Vec<Epoch>, Error> {
    let _ = context;
    todo!()
}

/// Makes a new epoch active; the old one goes on verifying. No client notices. Answers its number.
pub async fn rotate(context: &Context) -> Result<u8, Error> {
    let _ = context;
    todo!()
}
