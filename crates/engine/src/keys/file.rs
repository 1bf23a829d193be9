//! What the key file holds. It lives outside the store; the binary reads and writes it.

use claviger_model::{id::InstanceId, secret::SecretBytes};

/// The key file's content.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Which instance the keys belong to; part of every derivation (TOK-09).
    pub instance: InstanceId,
    /// Made by `claviger dev`; `serve` refuses such keys.
    pub dev: bool,
    /// The id of the key-encryption key, recorded beside everything it wraps.
    pub kek_id: String,
    /// Wraps the keyring in the store.
    pub kek: SecretBytes,
    /// Makes client ids and secrets. It is here and not in the store because registrations must
    /// survive the loss of the store (SECURITY-CASES D1).
    pub client_root: ClientRoot,
    /// Still accepted for 90 days after it stopped signing.
    pub previous_client_root: Option<ClientRoot>,
}

/// A root of client keys and the number that client ids carry for it.
#[derive(Clone, Debug)]
pub struct ClientRoot {
    /// 0–255.
    pub epoch: u8,
    /// The root itself.
    pub root: SecretBytes,
}
