//! Refused or failed: we said no, or we broke.

use claviger_model::port::{credential_source::NotIssued, hasher::HashingFailed};

/// What a use case answers instead of its value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// We said no: the client's business.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// We broke: logged once with its chain, told to nobody.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A refusal. `because` is for the client, `detail` for the log; nothing moves from the second to
/// the first, and neither holds input or secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {because} ({detail})")]
pub struct Refusal {
    /// What kind of no.
    pub kind: Kind,
    /// One fixed sentence that says what to do next.
    pub because: &'static str,
    /// What an operator wants to know.
    pub detail: String,
    /// Whether an operator is to be told even where refusals are not logged.
    pub alarm: bool,
}

/// The closed list of refusals, named after the RFCs. Each face (AWS OIDC, AWS portal, OAuth,
/// pages) answers every one in an exhaustive match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RFC 6749 §5.2 `invalid_request`.
    InvalidRequest,
    /// RFC 6749 §5.2 `invalid_client`.
    InvalidClient,
    /// RFC 7591 §3.2.2 `invalid_client_metadata`.
    InvalidClientMetadata,
    /// RFC 7591 §3.2.2 `invalid_redirect_uri`.
    InvalidRedirectUri,
    /// RFC 6749 §5.2 `invalid_grant`.
    InvalidGrant,
    /// RFC 6749 §5.2 `invalid_scope`.
    InvalidScope,
    /// RFC 6749 §5.2 `unauthorized_client`.
    UnauthorizedClient,
    /// RFC 6749 §5.2 `unsupported_grant_type`.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1 `access_denied`; at the portal: no such assignment.
    AccessDenied,
    /// RFC 8628 §3.5 `authorization_pending`.
    AuthorizationPending,
    /// RFC 8628 §3.5 `slow_down`.
    SlowDown,
    /// A cap or a throttle; never answered on `/token`.
    TooManyRequests,
    /// Store, STS or ourselves are overloaded or away: nobody's mistake (I6).
    Unavailable,
    /// RFC 8628 §3.5 `expired_token`.
    ExpiredToken,
    /// RFC 6750 §3.1 `invalid_token`.
    InvalidToken,
    /// No such thing.
    NotFound,
    /// A signed request came again (AWS Signature Version 4).
    SignatureReplayed,
}

impl Kind {
    /// All kinds, for the tables that must answer each.
    pub const ALL: [Self; 17] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidClientMetadata,
        Self::InvalidRedirectUri,
        Self::InvalidGrant,
        Self::InvalidScope,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::AccessDenied,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::ExpiredToken,
        Self::InvalidToken,
        Self::NotFound,
        Self::SignatureReplayed,
    ];

    /// The refusal of this kind with its sentence for the client.
    pub fn because(self, because: &'static str) -> Refusal {
        Refusal {
            kind: self,
            because,
            detail: String::new(),
            alarm: false,
        }
    }
}

impl Refusal {
    /// Adds what only the log may know.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds what an operator is to be told at once.
    #[must_use]
    pub fn alarm(self, detail: impl Into<String>) -> Self {
        Self {
            alarm: true,
            ..self.detail(detail)
        }
    }
}

/// A failure of ours.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct Failure {
    /// What was being done.
    pub doing: &'static str,
    /// What went wrong below.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<claviger_store::error::Error> for Error {
    fn from(error: claviger_store::error::Error) -> Self {
        use claviger_store::error::Error as Store;
        match error {
            Store::Unavailable(_) | Store::Unknown(_) => unavailable(
                "The service cannot reach its store. Try again in a moment.",
                &error,
            ),
            Store::Inconsistent { .. } | Store::Statement(_) => Failure {
                doing: "using the store",
                source: Box::new(error),
            }
            .into(),
        }
    }
}

impl From<HashingFailed> for Error {
    fn from(error: HashingFailed) -> Self {
        match error {
            HashingFailed::Busy => unavailable(
                "Too many people are signing in. Try again in a moment.",
                &error,
            ),
            HashingFailed::Unreadable(_) => Failure {
                doing: "checking a password",
                source: Box::new(error),
            }
            .into(),
        }
    }
}

impl From<NotIssued> for Error {
    fn from(error: NotIssued) -> Self {
        let detail = error.to_string();
        match error {
            // The person has the role; that the target does not give it is the operator's to mend.
            NotIssued::Refused { .. } => {
                return Kind::AccessDenied.because("No access").alarm(detail).into();
            }
            NotIssued::Throttled { .. } => Kind::TooManyRequests
                .because("Too many credentials are being asked for. Try again in a moment."),
            NotIssued::Unavailable { .. } => Kind::Unavailable.because(
                "The account's credential service does not answer. Try again in a moment.",
            ),
        }
        .alarm(detail)
        .into()
    }
}

fn unavailable(because: &'static str, error: &dyn std::error::Error) -> Error {
    Kind::Unavailable
        .because(because)
        .alarm(error.to_string())
        .into()
}
