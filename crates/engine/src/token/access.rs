//! Access tokens: two locks, one under the fleet's key, one under the session's own secret.

use claviger_model::{
    id::{ClientRef, SessionId},
    secret::{Secret, SecretBytes},
    time::Timestamp,
};

use super::encoding::{ACCESS, Reader, Unverified, Writer, encode, lock, locked_by};
use crate::keys::{
    purpose::MacKey,
    ring::{EpochKeys, Keyring},
};

const BODY: usize = 1 + 16 + 4 + 8 + 4 + 5;

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Its session.
    pub session_id: SessionId,
    /// The refresh generation it was made beside.
    pub generation: u32,
    /// The client it was made for.
    pub client: ClientRef,
    /// Which of the session's scopes it carries.
    pub scope_mask: u32,
    /// When it ends; no leeway (ACC-03).
    pub expires_at: Timestamp,
}

/// An access token whose first lock held; believe it only after [`AccessToken::belongs_to`].
pub struct AccessToken {
    /// What it says.
    pub claims: AccessClaims,
    token: Unverified<BODY, 2>,
}

/// Makes an access token.
pub fn mint(keys: &EpochKeys, secret: &SecretBytes, claims: &AccessClaims) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(claims.session_id.as_bytes())
        .bytes(&claims.generation.to_be_bytes())
        .bytes(claims.client.as_bytes())
        .bytes(&claims.scope_mask.to_be_bytes())
        .time(claims.expires_at)
        .finish();
    let locks = [
        lock(&keys.access, ACCESS, &body),
        lock(&MacKey::of(secret), ACCESS, &body),
    ];
    encode(ACCESS, &body, &locks)
}

/// Reads a token and tries its first lock: garbage never reaches the store (DESIGN decision 3).
pub fn read(keys: &Keyring, text: &str) -> Option<AccessToken> {
    let token = Unverified::<BODY, 2>::decode(ACCESS, text)?;
    let epoch = keys.accepted(token.epoch())?;
    if !locked_by(&epoch.access, ACCESS, &token.body, token.locks.first()?) {
        return None;
    }
    let mut reader = Reader(&token.body);
    reader.byte()?;
    let claims = AccessClaims {
        session_id: SessionId::from_bytes(reader.array()?),
        generation: reader.u32()?,
        client: ClientRef::from_bytes(reader.array()?),
        scope_mask: reader.u32()?,
        expires_at: reader.time()?,
    };
    Some(AccessToken { claims, token })
}

impl AccessToken {
    /// Whether the session's secret made this token: the second lock.
    pub fn belongs_to(&self, secret: &SecretBytes) -> bool {
        let [_, second] = &self.token.locks;
        locked_by(&MacKey::of(secret), ACCESS, &self.token.body, second)
    }
}
