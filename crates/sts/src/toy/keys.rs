//! The credentials that the toy has made, and what they look like.

use std::collections::{HashMap, VecDeque};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_model::{
    credentials::RoleCredentials, port::entropy::Entropy, secret::Secret, time::Timestamp,
};
use sha2::{Digest, Sha256};

/// How many are remembered; the oldest is then unknown, as if it had never been.
const CAPACITY: usize = 10_000;
/// The alphabet of AWS's ids.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Whom a key stands for, as `GetCallerIdentity` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) account: String,
    pub(super) arn: String,
    pub(super) user_id: String,
}

pub(super) struct Key {
    pub(super) credentials: RoleCredentials,
    pub(super) identity: Identity,
}

#[derive(Default)]
pub(super) struct Keys {
    by_id: HashMap<String, Key>,
    oldest_first: VecDeque<String>,
}

impl Keys {
    pub(super) fn find(&self, access_key_id: &str) -> Option<&Key> {
        self.by_id.get(access_key_id)
    }

    /// Expired ones are kept until they are the oldest, so that their users are told why.
    pub(super) fn remember(&mut self, credentials: RoleCredentials, identity: Identity) {
        if self.oldest_first.len() >= CAPACITY
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        let id = credentials.access_key_id.clone();
        self.oldest_first.push_back(id.clone());
        self.by_id.insert(
            id,
            Key {
                credentials,
                identity,
            },
        );
    }
}

/// `ASIA` and 16 characters, a secret of 40 and a session token of 128, as at AWS.
pub(super) fn draw(entropy: &dyn Entropy, expiration: Timestamp) -> RoleCredentials {
    RoleCredentials {
        access_key_id: format!("ASIA{}", base32(&bytes::<16>(entropy))),
        secret_access_key: Secret::new(STANDARD.encode(bytes::<30>(entropy))),
        session_token: Secret::new(STANDARD.encode(bytes::<96>(entropy))),
        expiration,
    }
}

/// `AROA` and 17 characters, always the same for a role.
pub(super) fn role_id(role_arn: &str) -> String {
    let digest = Sha256::digest(role_arn.as_bytes());
    format!("AROA{}", base32(digest.get(..17).unwrap_or_default()))
}

/// Shaped like a UUID, as AWS's are.
pub(super) fn request_id(entropy: &dyn Entropy) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes(entropy)));
    let mut rest = hex.as_str();
    let groups: Vec<&str> = [8, 4, 4, 4, 12]
        .into_iter()
        .filter_map(|length| {
            let (group, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(group)
        })
        .collect();
    groups.join("-")
}

fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// One character for each byte: the low five bits, evenly spread since 32 divides 256.
fn base32(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter_map(|byte| BASE32.get(usize::from(byte % 32)))
        .map(|&letter| char::from(letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_makes_room() {
        let mut keys = Keys::default();
        let identity = Identity {
            account: String::new(),
            arn: String::new(),
            user_id: String::new(),
        };
        for number in 0..=CAPACITY {
            let credentials = RoleCredentials {
                access_key_id: number.to_string(),
                secret_access_key: Secret::from(""),
                session_token: Secret::from(""),
                expiration: Timestamp::from_epoch_seconds(0),
            };
            keys.remember(credentials, identity.clone());
        }
        assert!(keys.find("0").is_none());
        assert!(keys.find("1").is_some());
        assert_eq!(keys.by_id.len(), CAPACITY);
    }
}
