//! The authorization endpoint (RFC 6749 §4.1.1): a request, and whether its person is asked for consent.

use claviger_model::{
    client::{Authentication, Client, GrantType},
    id::UserId,
    pkce::CodeChallenge,
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    secret::Secret,
    time::Timestamp,
};

use crate::{
    application,
    client::authenticate,
    context::Context,
    error::{Kind, Refusal},
    prompt::{self, Asking},
    redirection,
    web_session::SignedIn,
};

pub use crate::redirection::Redirection;

/// The query of `/authorize` as the browser brought it.
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
    /// `nonce` (OpenID Connect Core §3.1.2.1).
    pub nonce: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`, in seconds.
    pub max_age: Option<String>,
    /// `id_token_hint`.
    pub hint: Hint,
    /// Ours: since when the person has been to sign in again for this request, sealed.
    pub again: Option<String>,
    /// `request`.
    pub request: Option<String>,
    /// `request_uri`.
    pub request_uri: Option<String>,
    /// Whether any parameter came twice; a doubled `client_id` or `redirect_uri` is to be brought
    /// as absent, so that nothing is ever redirected for it.
    pub repeated: bool,
}

/// Whom an application takes the person for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// It does not say.
    #[default]
    None,
    /// It shows a token that is none of ours.
    Nobody,
    /// The person of an ID token of ours.
    Person(UserId),
}

/// A request that may be put before a person.
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    /// The client id as it was brought.
    pub client_id: String,
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
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// How the person is to be asked.
    pub asking: Asking,
    /// Who they must be, if the application says so.
    pub subject: Option<UserId>,
}

/// Why a request is not put before a person.
#[derive(Debug)]
pub enum AuthorizeError {
    /// Our own error page; never a redirect (URI-08).
    Page(Refusal),
    /// Back to the client with `error`, `error_description`, `state`, `iss`.
    Redirect(Redirection),
}

const LONGEST_STATE: usize = 1024;

/// The longest `nonce`, in bytes (AUT-24).
const LONGEST_NONCE: usize = 256;

/// Checks a request. Nothing is redirected before client and redirect URI are known to belong
/// together (RFC 9700 §4.11.2).
pub fn check(
    context: &Context,
    query: &AuthorizeQuery,
) -> Result<AuthorizeRequest, AuthorizeError> {
    let now = context.now();
    let (client_id, client, redirect_uri) = check_client(context, query, now)?;
    let state = query
        .state
        .clone()
        .filter(|state| state.len() <= LONGEST_STATE);
    match check_parameters(context, &client, query) {
        Ok(Parameters {
            scopes,
            challenge,
            asking,
            subject,
        }) => Ok(AuthorizeRequest {
            client_id,
            client,
            redirect_uri,
            scopes,
            state,
            challenge,
            nonce: query.nonce.clone(),
            asking,
            subject,
        }),
        Err(flaw) => Err(unasked(context, &redirect_uri, state.as_deref(), flaw)),
    }
}

/// The answer to a client before anybody was asked. A link must not be enough to wake another app of theirs
/// (RFC 9700 §4.11.2).
fn unasked(
    context: &Context,
    redirect_uri: &RedirectUri,
    state: Option<&str>,
    (error, description): Flaw,
) -> AuthorizeError {
    if redirect_uri.is_of_private_use() {
        let refusal = Kind::InvalidRequest.because(
            "The application asks for something that cannot be done. Start again from it.",
        );
        return AuthorizeError::Page(refusal.detail(description));
    }
    let issuer = context.links.issuer();
    AuthorizeError::Redirect(redirection::failure(
        issuer,
        redirect_uri,
        state,
        error,
        description,
    ))
}

fn check_client(
    context: &Context,
    query: &AuthorizeQuery,
    now: Timestamp,
) -> Result<(String, Client, RedirectUri), AuthorizeError> {
    let page = |because| AuthorizeError::Page(Kind::InvalidRequest.because(because));
    let client_id = query.client_id.clone().unwrap_or_default();
    let client = authenticate::read(context, &client_id, now).ok_or_else(|| {
        page(
            "The application is not known here or its registration has ended. Start again from it.",
        )
    })?;
    let asked = query.redirect_uri.as_deref().unwrap_or_default();
    let redirect_uri = RedirectUri::parse(asked)
        .ok()
        .filter(|uri| {
            client
                .metadata
                .redirect_uris
                .iter()
                .any(|own| own.admits(uri))
        })
        .ok_or_else(|| {
            let refusal = Kind::InvalidRequest.because(
                "The application asks to be answered at an address that it did not register.",
            );
            AuthorizeError::Page(refusal.detail(format!("redirect_uri {asked}")))
        })?;
    Ok((client_id, client, redirect_uri))
}

type Flaw = (&'static str, &'static str);

/// What is checked of a query besides who asks.
struct Parameters {
    scopes: ScopeSet,
    challenge: Option<CodeChallenge>,
    asking: Asking,
    subject: Option<UserId>,
}

fn check_parameters(
    context: &Context,
    client: &Client,
    query: &AuthorizeQuery,
) -> Result<Parameters, Flaw> {
    if query.repeated {
        return Err(("invalid_request", "a parameter was given twice"));
    }
    if query
        .state
        .as_ref()
        .is_some_and(|state| state.len() > LONGEST_STATE)
    {
        return Err(("invalid_request", "state is longer than 1024 bytes"));
    }
    if query.request.is_some() {
        return Err(("request_not_supported", "request objects are not supported"));
    }
    if query.request_uri.is_some() {
        return Err((
            "request_uri_not_supported",
            "request objects are not supported",
        ));
    }
    if query.response_type.as_deref() != Some("code") {
        return Err(("unsupported_response_type", "response_type must be code"));
    }
    if query
        .response_mode
        .as_deref()
        .is_some_and(|mode| mode != "query")
    {
        return Err(("invalid_request", "response_mode must be query"));
    }
    if !client.may_use(GrantType::AuthorizationCode) {
        return Err((
            "unauthorized_client",
            "the client did not register authorization_code",
        ));
    }
    if query
        .nonce
        .as_ref()
        .is_some_and(|nonce| nonce.len() > LONGEST_NONCE)
    {
        return Err(("invalid_request", "nonce is longer than 256 bytes"));
    }
    let subject = match query.hint {
        Hint::None => None,
        Hint::Nobody => {
            return Err((
                "invalid_request",
                "id_token_hint is no ID token of this server",
            ));
        }
        Hint::Person(user_id) => Some(user_id),
    };
    let may_lack =
        !context.policy.require_pkce && client.metadata.authentication != Authentication::None;
    let challenge = check_challenge(may_lack, query)?;
    Ok(Parameters {
        scopes: check_scopes(client, query)?,
        challenge,
        asking: Asking::read(query.prompt.as_deref(), query.max_age.as_deref())
            .map_err(|description| ("invalid_request", description))?,
        subject,
    })
}

/// What becomes of a request before the person is asked for consent.
#[derive(Debug)]
pub enum Next<'a> {
    /// They are asked for consent.
    Consent(&'a SignedIn),
    /// They need not be asked: the operator has answered for them.
    Approve(&'a SignedIn),
    /// They sign in first. A value goes with the request as its parameter `again`, so that it is known afterwards that
    /// they did.
    SignIn(Option<Secret>),
}

/// What comes next for whoever is signed in, or for nobody.
pub fn next<'a>(
    context: &Context,
    query: &AuthorizeQuery,
    request: &AuthorizeRequest,
    signed_in: Option<&'a SignedIn>,
) -> Result<Next<'a>, AuthorizeError> {
    let now = context.now();
    let (asking, client) = (request.asking, request.client.reference);
    let mark = query.again.as_deref();
    let since = mark.and_then(|mark| prompt::marked_at(context, client, mark, now));
    let met = signed_in.filter(|person| {
        let is_meant = request
            .subject
            .is_none_or(|subject| subject == person.user.id);
        is_meant && asking.is_met(person.auth_time, since, now)
    });
    let flaw = match met {
        Some(person) if skips_consent(context, request) => return Ok(Next::Approve(person)),
        Some(person) if !asking.silently => return Ok(Next::Consent(person)),
        Some(_) => ("consent_required", "the person has to be asked"),
        None if asking.silently => ("login_required", "the person has to sign in"),
        None => {
            let mark = || prompt::mark(context, client, now);
            return Ok(Next::SignIn(asking.wants_proof().then(mark)));
        }
    };
    let state = request.state.as_deref();
    Err(unasked(context, &request.redirect_uri, state, flaw))
}

/// Whether the operator has consented for everybody, and the application does not want them asked.
pub fn skips_consent(context: &Context, request: &AuthorizeRequest) -> bool {
    let application = application::named(context, &request.client_id);
    !request.asking.consent && application.is_some_and(|own| own.skip_consent)
}

fn check_challenge(may_lack: bool, query: &AuthorizeQuery) -> Result<Option<CodeChallenge>, Flaw> {
    match (
        query.code_challenge.as_deref(),
        query.code_challenge_method.as_deref(),
    ) {
        (None, None) if may_lack => Ok(None),
        (None, _) => Err(("invalid_request", "code_challenge is required (PKCE, S256)")),
        (Some(text), Some("S256")) => CodeChallenge::parse(text).map(Some).map_err(|_| {
            (
                "invalid_request",
                "code_challenge must be 43 base64url characters",
            )
        }),
        (Some(_), _) => Err(("invalid_request", "code_challenge_method must be S256")),
    }
}

/// `scope` or `scopes`, split at spaces and commas (WIRE §4.1); none means all that is registered.
fn check_scopes(client: &Client, query: &AuthorizeQuery) -> Result<ScopeSet, Flaw> {
    if query.scope.is_some() && query.scopes.is_some() {
        return Err(("invalid_request", "scope and scopes were both given"));
    }
    let text = query
        .scope
        .as_deref()
        .or(query.scopes.as_deref())
        .unwrap_or_default();
    ScopeSet::parse(text.split([' ', ',']).filter(|part| !part.is_empty()))
        .and_then(|asked| client.metadata.scopes.restrict(&asked))
        .map_err(|_| {
            (
                "invalid_scope",
                "a scope was asked for that the client did not register",
            )
        })
}
