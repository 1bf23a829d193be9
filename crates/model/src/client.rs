//! A registered client (RFC 7591). Registration stores nothing: these values travel inside the
//! client id (SECURITY-CASES D1).

use crate::{
    id::{ClientRef, Malformed},
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    time::Timestamp,
};

/// Which wire dialect registered a client; lifetimes and graces follow from it, on every route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// JSON, camelCase, as AWS IAM Identity Center speaks it.
    Aws,
    /// RFC 6749 and its family.
    Oauth,
}

/// A grant type that a registered client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GrantType {
    /// `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).
    DeviceCode,
    /// `authorization_code` (RFC 6749 §4.1.3).
    AuthorizationCode,
    /// `refresh_token` (RFC 6749 §6).
    RefreshToken,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1).
    JwtBearer,
    /// `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693 §2.1).
    TokenExchange,
    /// `client_credentials` (RFC 6749 §4.4).
    ClientCredentials,
}

impl GrantType {
    /// The grant type of that exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }

    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DeviceCode,
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::JwtBearer,
        Self::TokenExchange,
        Self::ClientCredentials,
    ];

    /// Those that a client may register by itself (WIRE §3.1).
    pub const REGISTRABLE: [Self; 3] = [
        Self::DeviceCode,
        Self::AuthorizationCode,
        Self::RefreshToken,
    ];

    /// Those that an application may sign for (WIRE §3.4).
    pub const SIGNED: [Self; 4] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::JwtBearer,
        Self::TokenExchange,
    ];

    /// The spelling of the RFCs, the same in both dialects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// What a client calls itself: 1–64 bytes after trimming, without control or bidirectional
/// characters. Shown to people, always as unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// Trims, refuses what could fool a reader, and cuts to 64 bytes at a character boundary.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().any(fools_a_reader) {
            return Err(Malformed {
                what: "client name",
                rule: "must not be empty nor hold control or text-direction characters",
            });
        }
        let end = (0..=trimmed.len().min(64))
            .rev()
            .find(|at| trimmed.is_char_boundary(*at));
        Ok(Self(
            trimmed
                .get(..end.unwrap_or(0))
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        ))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, line and paragraph separators, and those that turn the reading direction
/// or are invisible (Unicode bidirectional controls, zero-width characters).
pub fn fools_a_reader(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How a client shows that it is itself (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// By a secret.
    Secret,
    /// Not at all: it keeps no secret, and PKCE ties its codes to whoever asked (RFC 8252 §8.5).
    None,
    /// By the signature of a machine key, and in no other way (WIRE §3.4).
    Signature,
}

/// How ID tokens are signed (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256: for whoever verifies nothing else.
    Rs256,
}

impl SigningAlgorithm {
    /// Both of them, the default first.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The algorithm of that exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
    }

    /// The spelling of the RFC.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// What a client asked for at registration, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMetadata {
    /// What it calls itself.
    pub name: ClientName,
    /// The dialect it registered in.
    pub dialect: Dialect,
    /// How it shows that it is itself.
    pub authentication: Authentication,
    /// The grants it may use, each once.
    pub grant_types: Vec<GrantType>,
    /// The scopes its tokens may carry.
    pub scopes: ScopeSet,
    /// Where its codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// How its ID tokens are signed (`id_token_signed_response_alg`).
    pub id_token_alg: SigningAlgorithm,
}

/// A client as read back from an authentic client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What it asked for.
    pub metadata: ClientMetadata,
    /// Its short name in rows and tokens.
    pub reference: ClientRef,
    /// When it registered.
    pub issued_at: Timestamp,
    /// When its id and secret end.
    pub expires_at: Timestamp,
}

impl Client {
    /// Whether the client may use `grant`.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reg_03_a_name_is_cut_to_64_bytes_and_holds_nothing_that_fools() {
        let name = ClientName::parse(&format!(" {} ", "ä".repeat(40))).expect("a name");
        assert_eq!(name.as_str(), "ä".repeat(32));
        for bad in ["", "   ", "a\nb", "a\u{202e}b", "a\u{200b}", "\u{0}"] {
            assert!(ClientName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn grant_types_are_spelled_exactly() {
        assert_eq!(
            GrantType::parse("refresh_token"),
            Some(GrantType::RefreshToken)
        );
        assert_eq!(GrantType::parse("REFRESH_TOKEN"), None);
        assert_eq!(GrantType::parse("device_code"), None);
    }
}
