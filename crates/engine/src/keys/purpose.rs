//! One key per purpose and epoch; purposes never share (SECURITY-CASES A2).

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use claviger_model::{id::InstanceId, secret::SecretBytes};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Sixteen bytes of HMAC-SHA-256: one lock of a token.
pub type Tag = [u8; 16];

/// Bytes of nonce before a sealed text.
pub(crate) const NONCE: usize = 24;

/// A key that authenticates, ready for use.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// The key for `purpose` of one instance, derived from `root` by HKDF-SHA-256.
    pub(crate) fn derive(root: &SecretBytes, instance: InstanceId, purpose: &str) -> Self {
        Self::of(&expand(root, instance, purpose))
    }

    /// The key made of `bytes` themselves: the second lock of a session.
    pub(crate) fn of(bytes: &SecretBytes) -> Self {
        // HMAC takes keys of any length; a 32-byte one cannot be refused.
        Self(Hmac::new_from_slice(bytes.reveal()).unwrap_or_else(|_| unreachable!()))
    }

    /// The whole HMAC over `parts`, one after the other.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The first sixteen bytes of the HMAC.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut tag = [0; 16];
        tag.iter_mut()
            .zip(self.mac(parts))
            .for_each(|(to, from)| *to = from);
        tag
    }

    /// Whether `tag` is the one of `parts`, in constant time.
    pub(crate) fn admits(&self, parts: &[&[u8]], tag: &Tag) -> bool {
        self.tag(parts).ct_eq(tag).into()
    }
}

/// A key that seals: XChaCha20-Poly1305 under random nonces.
#[derive(Clone)]
pub struct SealKey(XChaCha20Poly1305);

impl SealKey {
    /// The key for `purpose` of one instance.
    pub(crate) fn derive(root: &SecretBytes, instance: InstanceId, purpose: &str) -> Self {
        Self::of(&expand(root, instance, purpose))
    }

    /// The key made of `bytes` themselves.
    pub(crate) fn of(bytes: &SecretBytes) -> Self {
        Self(XChaCha20Poly1305::new(&(*bytes.reveal()).into()))
    }

    /// `nonce ‖ ciphertext`; readable only together with the same `bound` bytes.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], plain: &[u8], bound: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plain,
            aad: bound,
        };
        // Encryption fails only for texts of 256 GiB and more.
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// The plain text, if `sealed` was made by this key with the same `bound` bytes.
    pub(crate) fn open(&self, sealed: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        self.0
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: text,
                    aad: bound,
                },
            )
            .ok()
    }
}

pub(crate) fn expand(root: &SecretBytes, instance: InstanceId, purpose: &str) -> SecretBytes {
    let info = format!("claviger/1/{instance}/{purpose}");
    let mut key = [0; 32];
    // HKDF gives up to 8,160 bytes; 32 cannot be refused.
    Hkdf::<Sha256>::new(None, root.reveal())
        .expand(info.as_bytes(), &mut key)
        .unwrap_or_else(|_| unreachable!());
    SecretBytes::new(key)
}
