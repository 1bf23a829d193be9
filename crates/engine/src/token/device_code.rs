//! Device codes: the expiry is inside, so that even a deleted row answers "expired" (DEV-08).

use claviger_model::{id::DeviceId, secret::Secret, time::Timestamp};

use super::encoding::{DEVICE_CODE, Reader, Unverified, Writer, encode, lock, locked_by};
use crate::keys::ring::{EpochKeys, Keyring};

const BODY: usize = 1 + 16 + 5;

/// What a device code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// Its authorization.
    pub device_id: DeviceId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes a device code.
pub fn mint(keys: &EpochKeys, code: DeviceCode) -> Secret {
    let body = Writer::default()
        .bytes(&[keys.epoch])
        .bytes(code.device_id.as_bytes())
        .time(code.expires_at)
        .finish();
    encode(
        DEVICE_CODE,
        &body,
        &[lock(&keys.device, DEVICE_CODE, &body)],
    )
}

/// Reads an authentic device code; anything else costs no store access (DEV-09).
pub fn read(keys: &Keyring, text: &str) -> Option<DeviceCode> {
    let token = Unverified::<BODY, 1>::decode(DEVICE_CODE, text)?;
    let epoch = keys.accepted(token.epoch())?;
    if !locked_by(
        &epoch.device,
        DEVICE_CODE,
        &token.body,
        token.locks.first()?,
    ) {
        return None;
    }
    let mut reader = Reader(&token.body);
    reader.byte()?;
    Some(DeviceCode {
        device_id: DeviceId::from_bytes(reader.array()?),
        expires_at: reader.time()?,
    })
}
