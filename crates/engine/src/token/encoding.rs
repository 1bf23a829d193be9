//! The spelling of tokens: a prefix that names the kind, then base64url of body and locks.
//!
//! Only the canonical spelling is read, so that a token has exactly one text (ACC-02, REF-12).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::{secret::Secret, time::Timestamp};

use crate::keys::purpose::{MacKey, Tag};

/// The kinds, told apart by the first five characters (CVE-2026-4282 came from one untyped store
/// for several single-use objects).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub(crate) &'static str);

/// Client id: public, carries the registration.
pub const CLIENT_ID: Kind = Kind("cvc1.");
/// Client secret.
pub const CLIENT_SECRET: Kind = Kind("cvs1.");
/// Access token.
pub const ACCESS: Kind = Kind("cva1.");
/// Refresh token.
pub const REFRESH: Kind = Kind("cvr1.");
/// Device code.
pub const DEVICE_CODE: Kind = Kind("cvd1.");
/// Authorization code; joined by `-`, for one client does not percent-decode (WIRE §4.2).
pub const AUTHORIZATION_CODE: Kind = Kind("cvz1-");
/// Web session cookie.
pub const WEB_COOKIE: Kind = Kind("cvw1.");
/// Known-browser cookie.
pub const KNOWN_BROWSER: Kind = Kind("cvb1.");
/// Sealed transaction of a form.
pub const TRANSACTION: Kind = Kind("cvt1.");
/// Page token.
pub const PAGE: Kind = Kind("cvp1.");

/// Spells `body` under its locks.
pub(crate) fn encode(kind: Kind, body: &[u8], locks: &[Tag]) -> Secret {
    let mut bytes = Vec::with_capacity(body.len() + size_of_val(locks));
    bytes.extend_from_slice(body);
    bytes.extend(locks.iter().flatten());
    let mut text = String::with_capacity(kind.0.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(kind.0);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    Secret::new(text)
}

/// The bytes of a canonical token of that kind.
pub(crate) fn decode(kind: Kind, text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.0)?).ok()
}

/// A token of fixed length, read but not yet believed.
pub(crate) struct Unverified<const BODY: usize, const LOCKS: usize> {
    pub(crate) body: [u8; BODY],
    pub(crate) locks: [Tag; LOCKS],
}

impl<const BODY: usize, const LOCKS: usize> Unverified<BODY, LOCKS> {
    pub(crate) fn decode(kind: Kind, text: &str) -> Option<Self> {
        let longest = kind.0.len() + (BODY + LOCKS * 16).div_ceil(3) * 4;
        if text.len() > longest {
            return None;
        }
        let bytes = decode(kind, text)?;
        let (body, tags) = bytes.split_first_chunk::<BODY>()?;
        let mut locks = [[0; 16]; LOCKS];
        if tags.len() != LOCKS * 16 {
            return None;
        }
        locks
            .iter_mut()
            .zip(tags.chunks_exact(16))
            .for_each(|(lock, tag)| {
                lock.copy_from_slice(tag);
            });
        Some(Self { body: *body, locks })
    }

    /// The epoch byte, first in every body.
    pub(crate) fn epoch(&self) -> u8 {
        self.body.first().copied().unwrap_or_default()
    }
}

/// Whether `tag` locks `body` as a token of that kind.
pub(crate) fn locked_by(key: &MacKey, kind: Kind, body: &[u8], tag: &Tag) -> bool {
    key.admits(&[kind.0.as_bytes(), body], tag)
}

/// The lock of `body` as a token of that kind.
pub(crate) fn lock(key: &MacKey, kind: Kind, body: &[u8]) -> Tag {
    key.tag(&[kind.0.as_bytes(), body])
}

/// Builds a body field by field.
pub(crate) struct Writer(Vec<u8>);

impl Default for Writer {
    /// With room for most bodies.
    fn default() -> Self {
        Self(Vec::with_capacity(64))
    }
}

impl Writer {
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Five bytes of seconds: good until the year 36812.
    pub(crate) fn time(self, time: Timestamp) -> Self {
        let seconds = time.epoch_seconds().max(0).to_be_bytes();
        self.bytes(seconds.get(3..).unwrap_or_default())
    }

    /// A text of at most 65,535 bytes behind its length.
    pub(crate) fn text(self, text: &str) -> Self {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        let kept = text
            .as_bytes()
            .get(..usize::from(length))
            .unwrap_or_default();
        self.bytes(&length.to_be_bytes()).bytes(kept)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a body apart in the order it was written.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn time(&mut self) -> Option<Timestamp> {
        let low: [u8; 5] = self.array()?;
        let seconds = low
            .iter()
            .fold(0, |seconds, byte| (seconds << 8) | i64::from(*byte));
        Some(Timestamp::from_epoch_seconds(seconds))
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.array().map(u16::from_be_bytes)?);
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        std::str::from_utf8(head).ok()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
