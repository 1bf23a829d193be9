//! Sealed transactions: what a form carries from page to page, bound to the browser that began.

use claviger_model::{secret::Secret, time::Timestamp};

use super::encoding::{Reader, TRANSACTION, Writer, decode, encode};
use crate::keys::{
    purpose::NONCE,
    ring::{EpochKeys, Keyring},
};

/// What a transaction is for; one sealed for another purpose does not open (AUT-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The sign-in form; carries where to go next.
    SignIn,
    /// The consent form; carries the validated authorization request.
    Consent,
    /// An authorization request whose person signs in again; carries since when that counts.
    Again,
}

impl Purpose {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::SignIn => b"sign-in",
            Self::Consent => b"consent",
            Self::Again => b"again",
        }
    }
}

/// Seals `payload` for the browser `bound_to`.
pub fn seal(
    keys: &EpochKeys,
    nonce: [u8; NONCE],
    purpose: Purpose,
    bound_to: &[u8],
    expires_at: Timestamp,
    payload: &[u8],
) -> Secret {
    let plain = Writer::default().time(expires_at).bytes(payload).finish();
    let sealed = keys
        .transaction
        .seal(nonce, &plain, &bound(purpose, bound_to));
    encode(
        TRANSACTION,
        &[&[keys.epoch], sealed.as_slice()].concat(),
        &[],
    )
}

/// Opens what [`seal`] sealed for the same purpose and browser, while it lasts.
pub fn open(
    keys: &Keyring,
    purpose: Purpose,
    bound_to: &[u8],
    now: Timestamp,
    text: &str,
) -> Option<Vec<u8>> {
    let bytes = decode(TRANSACTION, text)?;
    let (&epoch, sealed) = bytes.split_first()?;
    let plain = keys
        .accepted(epoch)?
        .transaction
        .open(sealed, &bound(purpose, bound_to))?;
    let mut reader = Reader(&plain);
    let expires_at = reader.time()?;
    (now < expires_at).then(|| reader.0.to_vec())
}

fn bound(purpose: Purpose, bound_to: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), b"|", bound_to].concat()
}
