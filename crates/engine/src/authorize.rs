//! The authorization endpoint (RFC 6749 §4.1.1): request → consent → authorization code.

use claviger_model::{
    client::Client, network::Requester, pkce::CodeChallenge, redirect_uri::RedirectUri,
    scope::ScopeSet, secret::Secret,
};

use crate::{
    context::Context,
    error::{Error, Refusal},
    web_session::SignedIn,
};

/// The query of `/authorize` as the browser brought it; a parameter given twice is the decoder's
/// to refuse.
#[derive(Clone, Debug, Default)]
pub struct AuthorizeQuery {
    /// `response_type`.
    pub response_type: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `scope` (RFC 6749).
    pub scope: Option<String>,
    /// `scopes` (AWS clients).
    pub scopes: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `request`.
    pub request: Option<String>,
    /// `request_uri`.
    pub request_uri: Option<String>,
    /// Whether any parameter (but `client_id` and `redirect_uri`, which are an error page) came
    /// twice.
    pub repeated: bool,
}

/// A request that may be put before a person.
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes; validated.
    pub redirect_uri: RedirectUri,
    /// What is asked for.
    pub scopes: ScopeSet,
    /// Given back byte for byte.
    pub state: Option<String>,
    /// Enforced at redemption.
    pub challenge: Option<CodeChallenge>,
}

/// Where to send the browser back to.
#[derive(Clone, Debug)]
pub struct Redirection {
    /// The whole `Location`.
    pub location: Secret,
    /// Its validated target.
    pub redirect_uri: RedirectUri,
}

/// Why a request is not put before a person.
#[derive(Debug)]
pub enum AuthorizeError {
    /// Our own error page; never a redirect (URI-08).
    Page(Refusal),
    /// Back to the client with `error`, `error_description`, `state`, `iss`.
    Redirect(Redirection),
}

/// Checks a request.
pub fn check(context: &Context, query: AuthorizeQuery) -> Result<AuthorizeRequest, AuthorizeError> {
    let _ = (context, query);
    todo!()
}

/// Seals a checked request for the consent form of this browser session.
pub fn seal(context: &Context, signed_in: &SignedIn, request: &AuthorizeRequest) -> Secret {
    let _ = (context, signed_in, request);
    todo!()
}

/// Opens what [`seal`] sealed; `Kind::InvalidRequest` when altered, another's or too old (AUT-17).
pub fn open(
    context: &Context,
    signed_in: &SignedIn,
    sealed: &str,
) -> Result<AuthorizeRequest, Error> {
    let _ = (context, signed_in, sealed);
    todo!()
}

/// The person consents: makes the code and tells where to send the browser.
pub async fn approve(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    request: &AuthorizeRequest,
) -> Result<Redirection, Error> {
    let _ = (context, requester, signed_in, request);
    todo!()
}

/// The person declines: `error=access_denied`.
pub fn deny(context: &Context, request: &AuthorizeRequest) -> Redirection {
    let _ = (context, request);
    todo!()
}
