//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::id::Malformed;

/// A code challenge of method S256: 43 characters of base64url (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Reads exactly 43 base64url characters, unpadded.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == 43 && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "code_challenge",
                rule: "must be 43 base64url characters (S256 of the verifier)",
            })
        }
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The S256 challenge of a verifier (RFC 7636 §4.2).
    pub fn of(verifier: &CodeVerifier) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.0.as_bytes())))
    }

    /// Whether `verifier` is the one behind this challenge (RFC 7636 §4.6).
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        let due = Self::of(verifier);
        due.0.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

/// A code verifier: 43–128 unreserved characters (RFC 7636 §4.1).
#[derive(Clone, PartialEq, Eq)]
pub struct CodeVerifier(String);

impl CodeVerifier {
    /// Reads 43–128 of `[A-Za-z0-9._~-]`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "codeVerifier",
                rule: "must be 43 to 128 letters, digits or any of -._~",
            })
        }
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_7636_appendix_b_holds() {
        let verifier =
            CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").expect("ok");
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").expect("ok");
        assert!(challenge.matches(&verifier));
        let other = CodeVerifier::parse(&"a".repeat(43)).expect("ok");
        assert!(!challenge.matches(&other));
    }

    #[test]
    fn aut_03_a_challenge_is_43_characters_unpadded() {
        let at = |n: usize| "a".repeat(n);
        assert!(CodeChallenge::parse(&at(43)).is_ok());
        for bad in [
            at(42),
            at(44),
            format!("{}=", at(42)),
            format!("{}+", at(42)),
        ] {
            assert!(CodeChallenge::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn aut_04_a_verifier_is_43_to_128_unreserved_characters() {
        let at = |n: usize| "a".repeat(n);
        assert!(CodeVerifier::parse(&at(43)).is_ok() && CodeVerifier::parse(&at(128)).is_ok());
        for bad in [at(42), at(129), format!("{} ", at(43)), String::new()] {
            assert!(CodeVerifier::parse(&bad).is_err(), "{bad}");
        }
    }
}
