//! The known-browser cookie: this browser once proved to be that person's (SGN-03).

use claviger_model::{id::UserId, secret::Secret, time::Timestamp};

use super::encoding::{KNOWN_BROWSER, Reader, Unverified, Writer, encode, lock, locked_by};
use crate::keys::ring::{EpochKeys, Keyring};

const BODY: usize = 1 + 16 + 8 + 5;

/// Makes a cookie's value; `nonce` parts the browsers of one person.
pub fn mint(keys: &EpochKeys, user_id: UserId, nonce: [u8; 8], expires_at: Timestamp) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(user_id.as_bytes())
        .bytes(&nonce)
        .time(expires_at)
        .finish();
    encode(
        KNOWN_BROWSER,
        &body,
        &[lock(&keys.web, KNOWN_BROWSER, &body)],
    )
}

/// Whether `text` proves that this browser was used by that person before.
pub fn admits(keys: &Keyring, text: &str, user_id: UserId, now: Timestamp) -> bool {
    let read = || {
        let token = Unverified::<BODY, 1>::decode(KNOWN_BROWSER, text)?;
        let epoch = keys.accepted(token.epoch())?;
        if !locked_by(&epoch.web, KNOWN_BROWSER, &token.body, token.locks.first()?) {
            return None;
        }
        let mut reader = Reader(&token.body);
        reader.byte()?;
        let owner = UserId::from_bytes(reader.array()?);
        let _nonce: [u8; 8] = reader.array()?;
        Some((owner, reader.time()?))
    };
    read().is_some_and(|(owner, expires_at)| owner == user_id && now < expires_at)
}
