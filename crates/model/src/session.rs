//! A grant's session: what one client holds on behalf of one person.

use crate::{
    client::Dialect,
    id::{ClientRef, SessionId, UserId},
    rotation::Rotations,
    scope::ScopeSet,
    secret::SecretBytes,
    time::Timestamp,
};

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOrigin {
    /// A device authorization was approved.
    Device,
    /// An authorization code was redeemed.
    AuthorizationCode,
    /// A trusted issuer's word was taken (RFC 7523).
    JwtBearer,
    /// A workload presented a token of its platform (RFC 7523).
    Workload,
    /// An access token was exchanged for one that can do less (RFC 8693).
    TokenExchange,
    /// An application asked in its own name (RFC 6749 §4.4).
    ClientCredentials,
}

impl SessionOrigin {
    /// Whether a program began it by itself, without the person at a browser.
    pub const fn is_by_machine(self) -> bool {
        match self {
            Self::Device | Self::AuthorizationCode => false,
            Self::JwtBearer | Self::Workload | Self::TokenExchange | Self::ClientCredentials => {
                true
            }
        }
    }

    /// The spelling in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::AuthorizationCode => "authorization_code",
            Self::JwtBearer => "jwt_bearer",
            Self::Workload => "workload",
            Self::TokenExchange => "token_exchange",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Reads the spelling of [`SessionOrigin::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Device,
            Self::AuthorizationCode,
            Self::JwtBearer,
            Self::Workload,
            Self::TokenExchange,
            Self::ClientCredentials,
        ]
        .into_iter()
        .find(|origin| origin.as_str() == text)
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The client called Logout.
    Logout,
    /// The client revoked a token of it (RFC 7009).
    Revocation,
    /// The person ended it on `/sessions`.
    Person,
    /// An administrator ended it.
    Administrator,
    /// The person began one session too many, and this one was idle longest (RES-10).
    SessionCap,
    /// A superseded refresh token came back: theft (SECURITY-CASES A5).
    RefreshReuse,
    /// An authorization code was redeemed twice (AUT-07).
    CodeReplay,
}

impl EndReason {
    /// The spelling in rows and audit records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revocation => "revocation",
            Self::Person => "person",
            Self::Administrator => "administrator",
            Self::SessionCap => "session_cap",
            Self::RefreshReuse => "refresh_reuse",
            Self::CodeReplay => "code_replay",
        }
    }
}

/// A session as the store holds it, whatever its state.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id, the one that tokens carry.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The person's epoch when it began; a raised epoch ends it.
    pub user_epoch: i64,
    /// The client that holds it.
    pub client: ClientRef,
    /// What that client calls itself, for the pages.
    pub client_name: String,
    /// The dialect the client registered in.
    pub dialect: Dialect,
    /// What was granted, in the order that access tokens refer to.
    pub scopes: ScopeSet,
    /// How it began.
    pub origin: SessionOrigin,
    /// The second lock of its tokens (SECURITY-CASES D4).
    pub secret: SecretBytes,
    /// Where its refresh tokens stand.
    pub rotations: Rotations,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_expires_at: Timestamp,
    /// When it ends whatever happens.
    pub absolute_expires_at: Timestamp,
    /// When it was ended before its time.
    pub revoked_at: Option<Timestamp>,
    /// The session whose token was exchanged for this one's.
    pub parent: Option<Parent>,
}

/// What a session was made from; it dies with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its id.
    pub id: SessionId,
    /// When it ends if nothing else happens; nothing where it was ended before its time.
    pub ends_at: Option<Timestamp>,
}

impl Session {
    /// When the session ends if nothing else happens.
    pub fn expires_at(&self) -> Timestamp {
        let own = self.idle_expires_at.min(self.absolute_expires_at);
        let parent = self.parent.and_then(|parent| parent.ends_at);
        parent.map_or(own, |parent| own.min(parent))
    }

    /// Whether it is neither ended nor over at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let orphaned = self.parent.is_some_and(|parent| parent.ends_at.is_none());
        self.revoked_at.is_none() && !orphaned && now < self.expires_at()
    }
}
