//! What goes into the token endpoint and what comes out.

use claviger_model::secret::Secret;

pub use crate::issued::{Issued, TokenType};
use crate::{application::Signature, client::authenticate::ClientCredentials};

/// A token request as its dialect decoded it. Members of other grants than the one named are
/// there but ignored (SETTLED: documented callers send `code` beside `deviceCode`).
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub caller: Caller,
    /// `grantType` / `grant_type`, as spelled.
    pub grant_type: String,
    /// `deviceCode` / `device_code`.
    pub device_code: Option<Secret>,
    /// `code`.
    pub code: Option<Secret>,
    /// `refreshToken` / `refresh_token`.
    pub refresh_token: Option<Secret>,
    /// `scope`: restricts the access token; empty means all that was granted.
    pub scope: Vec<String>,
    /// `redirectUri` / `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `codeVerifier` / `code_verifier`.
    pub code_verifier: Option<Secret>,
    /// `assertion`.
    pub assertion: Option<Secret>,
    /// `subjectToken` / `subject_token`.
    pub subject_token: Option<Secret>,
    /// `subjectTokenType` / `subject_token_type`.
    pub subject_token_type: Option<String>,
    /// `requestedTokenType` / `requested_token_type`.
    pub requested_token_type: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A registered client, by its secret.
    Client(ClientCredentials),
    /// An application, by the signature of one of its machines.
    Application {
        /// `clientId`.
        client_id: String,
        /// Verified.
        signature: Signature,
    },
    /// A workload: who it is stands in its assertion.
    Workload,
}

impl Caller {
    /// Who it says it is.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Client(credentials) => &credentials.client_id,
            Self::Application { client_id, .. } => client_id,
            Self::Workload => "",
        }
    }
}

impl From<ClientCredentials> for Caller {
    fn from(client: ClientCredentials) -> Self {
        Self::Client(client)
    }
}

impl TokenRequest {
    /// A request that brings nothing yet.
    pub fn new(caller: impl Into<Caller>, grant_type: impl Into<String>) -> Self {
        Self {
            caller: caller.into(),
            grant_type: grant_type.into(),
            device_code: None,
            code: None,
            refresh_token: None,
            scope: Vec::new(),
            redirect_uri: None,
            code_verifier: None,
            assertion: None,
            subject_token: None,
            subject_token_type: None,
            requested_token_type: None,
        }
    }
}
