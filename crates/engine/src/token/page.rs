//! Page tokens of the portal lists: where to go on, bound to the person and the list.

use claviger_model::{id::UserId, time::Timestamp};

use super::encoding::{PAGE, Reader, Writer, decode, encode, lock, locked_by};
use crate::keys::ring::{EpochKeys, Keyring};

/// A page token for `list` (the operation and its parameters), resuming after `last_key`.
pub fn mint(
    keys: &EpochKeys,
    user_id: UserId,
    list: &str,
    last_key: &str,
    expires_at: Timestamp,
) -> String {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .time(expires_at)
        .text(last_key)
        .finish();
    let tag = lock(&keys.page, PAGE, &bound(&body, user_id, list));
    encode(PAGE, &body, &[tag]).reveal().to_owned()
}

/// The key to resume after, if the token was made for this person and list (POR-12).
pub fn read(
    keys: &Keyring,
    user_id: UserId,
    list: &str,
    now: Timestamp,
    text: &str,
) -> Option<String> {
    let bytes = decode(PAGE, text)?;
    let (body, tag) = bytes.split_last_chunk::<16>()?;
    let epoch = keys.accepted(*body.first()?)?;
    if !locked_by(&epoch.page, PAGE, &bound(body, user_id, list), tag) {
        return None;
    }
    let mut reader = Reader(body);
    reader.byte()?;
    let expires_at = reader.time()?;
    let last_key = reader.text()?.to_owned();
    (now < expires_at && reader.is_at_end()).then_some(last_key)
}

fn bound(body: &[u8], user_id: UserId, list: &str) -> Vec<u8> {
    [body, user_id.as_bytes(), list.as_bytes()].concat()
}
