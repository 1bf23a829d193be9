//! The cookie of a browser's sign-in.

use claviger_model::{id::WebSessionId, secret::Secret};

use super::encoding::{Reader, Unverified, WEB_COOKIE, Writer, encode, lock, locked_by};
use crate::keys::ring::{EpochKeys, Keyring};

const BODY: usize = 1 + 16;

/// Makes a cookie's value.
pub fn mint(keys: &EpochKeys, web_session_id: WebSessionId) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(web_session_id.as_bytes())
        .finish();
    encode(WEB_COOKIE, &body, &[lock(&keys.web, WEB_COOKIE, &body)])
}

/// Reads an authentic cookie.
pub fn read(keys: &Keyring, text: &str) -> Option<WebSessionId> {
    let token = Unverified::<BODY, 1>::decode(WEB_COOKIE, text)?;
    let epoch = keys.accepted(token.epoch())?;
    if !locked_by(&epoch.web, WEB_COOKIE, &token.body, token.locks.first()?) {
        return None;
    }
    let mut reader = Reader(&token.body);
    reader.byte()?;
    reader.array().map(WebSessionId::from_bytes)
}
