//! Refresh tokens: deterministic, so that racers and retries get the same bytes.

use claviger_model::{
    id::SessionId,
    secret::{Secret, SecretBytes},
};

use super::encoding::{REFRESH, Reader, Unverified, Writer, encode, lock, locked_by};
use crate::keys::{
    purpose::MacKey,
    ring::{EpochKeys, Keyring},
};

const BODY: usize = 1 + 16 + 4;

/// A refresh token whose first lock held; believe it only after [`RefreshToken::belongs_to`].
pub struct RefreshToken {
    /// Its session.
    pub session_id: SessionId,
    /// Its generation.
    pub generation: u32,
    token: Unverified<BODY, 2>,
}

/// The one refresh token of a session's generation under an epoch's key.
pub fn mint(
    keys: &EpochKeys,
    secret: &SecretBytes,
    session_id: SessionId,
    generation: u32,
) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(session_id.as_bytes())
        .bytes(&generation.to_be_bytes())
        .finish();
    let locks = [
        lock(&keys.refresh, REFRESH, &body),
        lock(&MacKey::of(secret), REFRESH, &body),
    ];
    encode(REFRESH, &body, &locks)
}

/// Reads a token and tries its first lock.
pub fn read(keys: &Keyring, text: &str) -> Option<RefreshToken> {
    let token = Unverified::<BODY, 2>::decode(REFRESH, text)?;
    let epoch = keys.accepted(token.epoch())?;
    if !locked_by(&epoch.refresh, REFRESH, &token.body, token.locks.first()?) {
        return None;
    }
    let mut reader = Reader(&token.body);
    reader.byte()?;
    let session_id = SessionId::from_bytes(reader.array()?);
    Some(RefreshToken {
        session_id,
        generation: reader.u32()?,
        token,
    })
}

impl RefreshToken {
    /// Whether the session's secret made this token: the second lock.
    pub fn belongs_to(&self, secret: &SecretBytes) -> bool {
        let [_, second] = &self.token.locks;
        locked_by(&MacKey::of(secret), REFRESH, &self.token.body, second)
    }
}
