//! Authorization codes; only `[A-Za-z0-9_-]`, for one client does not percent-decode.

use claviger_model::{id::CodeId, secret::Secret};

use super::encoding::{AUTHORIZATION_CODE, Reader, Unverified, Writer, encode, lock, locked_by};
use crate::keys::ring::{EpochKeys, Keyring};

const BODY: usize = 1 + 16;

/// Makes an authorization code.
pub fn mint(keys: &EpochKeys, code_id: CodeId) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(code_id.as_bytes())
        .finish();
    encode(
        AUTHORIZATION_CODE,
        &body,
        &[lock(&keys.code, AUTHORIZATION_CODE, &body)],
    )
}

/// Reads an authentic authorization code.
pub fn read(keys: &Keyring, text: &str) -> Option<CodeId> {
    let token = Unverified::<BODY, 1>::decode(AUTHORIZATION_CODE, text)?;
    let epoch = keys.accepted(token.epoch())?;
    if !locked_by(
        &epoch.code,
        AUTHORIZATION_CODE,
        &token.body,
        token.locks.first()?,
    ) {
        return None;
    }
    let mut reader = Reader(&token.body);
    reader.byte()?;
    reader.array().map(CodeId::from_bytes)
}
