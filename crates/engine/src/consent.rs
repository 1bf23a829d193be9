//! What is decided about an application's request (RFC 6749 §4.1.2): it waits sealed in the form of the consent page, and a
//! yes makes an authorization code.

use claviger_model::{
    audit::Action, grant::authorization_code::AuthorizationCode, id::CodeId, network::Requester,
    pkce::CodeChallenge, redirect_uri::RedirectUri, scope::ScopeSet, secret::Secret,
    time::Timestamp,
};
use claviger_store::{repository::authorization_code as codes, statement::Plan};

use crate::{
    audit,
    authorize::AuthorizeRequest,
    client::authenticate,
    confinement,
    context::Context,
    error::{Error, Kind},
    prompt::Asking,
    redirection::{self, Redirection},
    token::{
        authorization_code,
        encoding::{Reader, Writer},
        transaction::{self, Purpose},
    },
    web_session::SignedIn,
};

/// Seals a checked request for the consent form of this browser session.
pub fn seal(context: &Context, signed_in: &SignedIn, request: &AuthorizeRequest) -> Secret {
    let payload = Writer::default()
        .text(&request.client_id)
        .text(request.redirect_uri.as_str())
        .text(&request.scopes.join())
        .text(request.challenge.as_ref().map_or("", CodeChallenge::as_str))
        .text(request.nonce.as_deref().unwrap_or_default())
        .bytes(&[u8::from(request.state.is_some())])
        .text(request.state.as_deref().unwrap_or_default())
        .finish();
    let expires_at = context.now().plus(context.policy.transaction_lifetime);
    let bound_to = signed_in.web_session_id.as_bytes();
    let keys = context.keys.active();
    transaction::seal(
        &keys,
        context.draw(),
        Purpose::Consent,
        bound_to,
        expires_at,
        &payload,
    )
}

/// Opens what [`seal`] sealed; `Kind::InvalidRequest` when altered, another's or too old (AUT-17).
pub fn open(
    context: &Context,
    signed_in: &SignedIn,
    sealed: &str,
) -> Result<AuthorizeRequest, Error> {
    let now = context.now();
    let bound_to = signed_in.web_session_id.as_bytes();
    transaction::open(&context.keys, Purpose::Consent, bound_to, now, sealed)
        .and_then(|payload| read_sealed(context, &payload, now))
        .ok_or_else(|| {
            Kind::InvalidRequest
                .because("This form is too old or not yours. Start again from the application.")
                .into()
        })
}

fn read_sealed(context: &Context, payload: &[u8], now: Timestamp) -> Option<AuthorizeRequest> {
    let mut reader = Reader(payload);
    let client_id = reader.text()?.to_owned();
    let client = authenticate::read(context, &client_id, now)?;
    let redirect_uri = RedirectUri::parse(reader.text()?).ok()?;
    let scopes = ScopeSet::parse_joined(reader.text()?).ok()?;
    let challenge = match reader.text()? {
        "" => None,
        text => Some(CodeChallenge::parse(text).ok()?),
    };
    let nonce = reader.text()?;
    let nonce = (!nonce.is_empty()).then(|| nonce.to_owned());
    let has_state = reader.byte()? != 0;
    let state = reader.text()?.to_owned();
    let state = has_state.then_some(state);
    Some(AuthorizeRequest {
        client_id,
        client,
        redirect_uri,
        scopes,
        state,
        challenge,
        nonce,
        // They have been asked.
        asking: Asking::default(),
        subject: None,
    })
}

/// Who has said yes to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The person, just now.
    Given,
    /// The operator, for everybody.
    Skipped,
}

/// Makes the code and tells where to send the browser.
pub async fn approve(
    context: &Context,
    requester: &Requester,
    signed_in: &SignedIn,
    request: &AuthorizeRequest,
    consent: Consent,
) -> Result<Redirection, Error> {
    let now = context.now();
    let metadata = &request.client.metadata;
    let code = AuthorizationCode {
        id: CodeId::from_bytes(context.draw()),
        client: request.client.reference,
        client_name: metadata.name.as_str().to_owned(),
        dialect: metadata.dialect,
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        challenge: request.challenge.clone(),
        scopes: request.scopes.clone(),
        user_id: signed_in.user.id,
        user_epoch: signed_in.user.epoch,
        web_session_id: signed_in.web_session_id,
        auth_time: signed_in.auth_time,
        nonce: request.nonce.clone(),
        expires_at: now.plus(context.policy.authorization_code_lifetime),
        failures: 0,
        redeemed: None,
    };
    let mut record = audit::by_person(Action::AuthorizeApprove, &signed_in.user, requester, now);
    record.client = Some(code.client_name.clone());
    record.detail = match consent {
        Consent::Given => format!("given {}", code.scopes.join()),
        Consent::Skipped => format!("given {}, not asked", code.scopes.join()),
    };
    let plan = Plan::of(codes::issuing(&code)).then(audit::recording(context, &record));
    context.store.apply(plan).await?;
    let minted = authorization_code::mint(&context.keys.active(), code.id);
    Ok(redirection::success(
        context.links.issuer(),
        &request.redirect_uri,
        request.state.as_deref(),
        &minted,
    ))
}

impl AuthorizeRequest {
    /// The same with less of what it asks for: scopes that confine or limit.
    pub fn given(mut self, context: &Context, less: &ScopeSet) -> Result<Self, Error> {
        self.scopes = confinement::given(context, &self.scopes, less)?;
        Ok(self)
    }
}

/// The person declines: `error=access_denied`.
pub fn deny(context: &Context, request: &AuthorizeRequest) -> Redirection {
    redirection::failure(
        context.links.issuer(),
        &request.redirect_uri,
        request.state.as_deref(),
        "access_denied",
        "the person declined",
    )
}
