//! Key epochs: listing and rotating them (SECURITY-CASES A2, F17).

use claviger_model::{audit::Action, secret::SecretDer, time::Timestamp};
use claviger_store::{
    repository::keyring::{self, EpochState},
    statement::Plan,
};

use crate::{
    audit,
    context::Context,
    error::{Error, Failure, Kind},
    keys::ring::new_epoch,
};

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
    let rows = keyring::all(context.store.as_ref()).await?;
    let epoch = |row: keyring::EpochRow| Epoch {
        epoch: row.epoch,
        state: row.state,
        since: row.since,
    };
    Ok(rows.into_iter().map(epoch).collect())
}

/// Makes a new epoch active, with that RSA key; the old one goes on verifying. No client notices. Answers its number.
pub async fn rotate(context: &Context, rsa: Option<SecretDer>) -> Result<u8, Error> {
    let now = context.now();
    let active = context.keys.active().epoch;
    let newest = list(context)
        .await?
        .iter()
        .map(|epoch| epoch.epoch)
        .max()
        .unwrap_or(active);
    let next = newest.checked_add(1).ok_or_else(|| {
        Kind::Unavailable.because("All 255 key epochs are used up. Ask for help before going on.")
    })?;
    let mut row = new_epoch(
        next,
        EpochState::Active,
        &context.key_file,
        context.entropy.as_ref(),
        now.plus(context.policy.keys_staged),
    );
    // In the same row: an epoch that had to wait for it would sign before anybody was told.
    row.rsa = rsa.map(|key| context.keys.wrap_rsa(next, context.draw(), &key));
    let record = audit::by_operator(Action::KeysRotate, "keyring", format!("epoch {next}"), now);
    let plan = Plan::of(keyring::superseding(active, now))
        .then(keyring::inserting(&row))
        .then(audit::recording(context, &record));
    if !context.store.apply(plan).await?.is_whole() {
        return Err(Kind::Unavailable
            .because("Somebody else is rotating the keys. Look at `claviger admin keys list`.")
            .into());
    }
    reload(context).await?;
    Ok(next)
}

/// Gives every epoch that signs or will an RSA key that `make` makes, unless it has one: those of a new store, or of a
/// release that knew none. What makes it takes some tenths of a second of a core.
pub async fn complete(
    context: &Context,
    make: impl Fn() -> Option<SecretDer>,
) -> Result<(), Error> {
    let lacking = context.keys.without_rsa(context.now());
    if lacking.is_empty() {
        return Ok(());
    }
    for epoch in lacking {
        let Some(key) = make() else { continue };
        let wrapped = context.keys.wrap_rsa(epoch, context.draw(), &key);
        // Whoever was first has made the one that counts.
        let plan = Plan::of(keyring::adding_rsa(epoch, &wrapped));
        context.store.apply(plan).await?;
    }
    reload(context).await
}

async fn reload(context: &Context) -> Result<(), Error> {
    let (store, now) = (context.store.as_ref(), context.now());
    context.keys.reload(store, now).await.map_err(|error| {
        Failure {
            doing: "loading the new key epoch",
            source: Box::new(error),
        }
        .into()
    })
}
