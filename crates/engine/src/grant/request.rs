//! What goes into the token endpoint and what comes out.

use claviger_model::secret::Secret;

use crate::client::authenticate::ClientCredentials;
pub use crate::issued::Issued;

/// A token request as its dialect decoded it. Members of other grants than the one named are
/// there but ignored (SETTLED: documented callers send `code` beside `deviceCode`).
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientCredentials,
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
}
