//! The tokens of a successful token request.

use claviger_model::{
    client::SigningAlgorithm,
    id::UserId,
    scope::ScopeSet,
    secret::Secret,
    session::SessionOrigin,
    time::{Lifetime, Timestamp},
};

/// What scopes tell a client of a person (OpenID Connect Core §5.4); nothing that they do not ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: never reused.
    pub user_id: UserId,
    /// `name` and `preferred_username`, for `profile`.
    pub names: Option<(String, String)>,
    /// `email`, for `email`: the operator's word, whose directory it is.
    pub email: Option<String>,
    /// `groups`, for `groups`.
    pub groups: Option<Vec<String>>,
}

/// What a client is handed.
#[derive(Clone, Debug)]
pub struct Issued {
    /// `accessToken`; its type is always `Bearer`.
    pub access_token: Secret,
    /// `expiresIn`.
    pub expires_in: Lifetime,
    /// `refreshToken`; absent only for clients without scopes.
    pub refresh_token: Option<Secret>,
    /// What the access token carries.
    pub scopes: ScopeSet,
    /// Whether a token exchange gave them; it gives a refresh token to whoever asked for that kind.
    pub exchanged: bool,
    /// How the session began that they belong to.
    pub origin: SessionOrigin,
    /// Whom it is about.
    pub user_id: UserId,
    /// When that person proved who they are.
    pub auth_time: Timestamp,
    /// What the client wants to find in the ID token that comes with it.
    pub nonce: Option<String>,
    /// How that ID token is signed.
    pub id_token_alg: SigningAlgorithm,
    /// What that ID token tells of the person, where the scopes ask for one.
    pub person: Option<Claims>,
}

impl Issued {
    /// `issuedTokenType`: what a token exchange was asked for, where it could be given; an access token everywhere else.
    pub const fn token_type(&self) -> TokenType {
        if self.exchanged && self.refresh_token.is_some() {
            TokenType::Refresh
        } else {
            TokenType::Access
        }
    }
}

/// A kind of token (RFC 8693 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// `urn:ietf:params:oauth:token-type:access_token`.
    Access,
    /// `urn:ietf:params:oauth:token-type:refresh_token`.
    Refresh,
}

impl TokenType {
    /// The kind of that exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Access, Self::Refresh]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    /// The URN.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "urn:ietf:params:oauth:token-type:access_token",
            Self::Refresh => "urn:ietf:params:oauth:token-type:refresh_token",
        }
    }
}
