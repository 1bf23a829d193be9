//! The steps that every grant shares, so that none can forget one.
//!
//! Order (SECURITY-CASES B0): client authentication → grant type known → grant allowed → the
//! grant's own members, format, ownership, state, policy, effect. An earlier failure hides all
//! later ones and changes nothing.

use claviger_model::{
    client::{Dialect, GrantType},
    network::Requester,
    scope::{ScopeRefused, ScopeSet},
    time::Timestamp,
};

use super::{
    authorization_code, client_credentials, device_code, jwt_bearer, refresh_token,
    request::{Caller, Issued, TokenRequest},
    step::{Once, Step},
    token_exchange, workload,
};
use crate::{
    application::client_of,
    client::{
        authenticate::{self, Known, identify},
        register::MALFORMED_SCOPE,
    },
    context::Context,
    error::{Error, Kind},
};

/// Redeems a grant: authenticates the client, picks the grant, answers its tokens.
pub async fn redeem(
    context: &Context,
    requester: &Requester,
    request: TokenRequest,
) -> Result<Issued, Error> {
    let now = context.now();
    if matches!(request.caller, Caller::Workload) {
        let scopes = parse_scopes(&request)?;
        return workload::redeem(context, requester, &request, &scopes, now).await;
    }
    let (known, once) = caller(context, &request.caller, now)?;
    let grant = grant_type(&request, &known)?;
    let (client, application) = (&known.client, known.application);
    let scopes = parse_scopes(&request)?;
    let mut step = Step {
        context,
        requester,
        client,
        scopes: &scopes,
        now,
        application,
        once,
    };
    let issued = match grant {
        GrantType::DeviceCode => device_code::redeem(&step, &request).await,
        GrantType::AuthorizationCode => authorization_code::redeem(&step, &request).await,
        GrantType::RefreshToken => refresh_token::redeem(&step, &request).await,
        GrantType::JwtBearer => jwt_bearer::redeem(&mut step, &request).await,
        GrantType::TokenExchange => token_exchange::redeem(&step, &request).await,
        GrantType::ClientCredentials => client_credentials::redeem(&step).await,
    };
    let mut issued = issued?;
    issued.id_token_alg = client.metadata.id_token_alg;
    // AWS clients that register no grants have all that they need.
    let asks_for_each = application.is_some() || client.metadata.dialect == Dialect::Oauth;
    if asks_for_each && !client.may_use(GrantType::RefreshToken) {
        issued.refresh_token = None;
    }
    Ok(issued)
}

/// Who asks, and what of the request may come once only.
fn caller<'a>(
    context: &'a Context,
    caller: &Caller,
    now: Timestamp,
) -> Result<(Known<'a>, Vec<Once>), Error> {
    match caller {
        Caller::Client(credentials) => Ok((identify(context, credentials, now)?, vec![])),
        Caller::Application {
            client_id,
            signature,
        } => {
            let application = authenticate::application(context, client_id, signature)?;
            let client = client_of(context, application);
            if context.is_denied(client.reference) {
                return Err(Kind::InvalidClient
                    .because("This application is denied. Ask the operator to allow it.")
                    .into());
            }
            let once = Once {
                statement: signature.once(),
                refusal: Kind::SignatureReplayed
                    .because("This signature was already used. Sign the request again."),
            };
            let known = Known {
                client,
                application: Some(application),
            };
            Ok((known, vec![once]))
        }
        Caller::Workload => Err(Kind::InvalidClient
            .because("A workload has no client. Send its assertion alone.")
            .into()),
    }
}

fn grant_type(request: &TokenRequest, known: &Known<'_>) -> Result<GrantType, Error> {
    let (offered, others): (&[GrantType], _) = match (&request.caller, known.application) {
        (Caller::Application { .. }, _) => (
            &GrantType::SIGNED,
            "grantType must be authorization_code, refresh_token, \
             urn:ietf:params:oauth:grant-type:jwt-bearer or \
             urn:ietf:params:oauth:grant-type:token-exchange.",
        ),
        (_, Some(_)) => (
            &GrantType::ALL,
            "grantType must be authorization_code, refresh_token, client_credentials, or \
             urn:ietf:params:oauth:grant-type: and device_code, jwt-bearer or token-exchange.",
        ),
        (_, None) => (
            &GrantType::REGISTRABLE,
            "grantType must be authorization_code, refresh_token or \
             urn:ietf:params:oauth:grant-type:device_code.",
        ),
    };
    let grant = GrantType::parse(&request.grant_type).filter(|grant| offered.contains(grant));
    let grant = grant.ok_or_else(|| Kind::UnsupportedGrantType.because(others))?;
    if known.client.may_use(grant) {
        return Ok(grant);
    }
    Err(Kind::UnauthorizedClient
        .because(if known.application.is_some() {
            "This application may not use this grant type. Add it to its `grants` in the configuration."
        } else {
            "This client did not register this grant type. Register it again with it."
        })
        .into())
}

fn parse_scopes(request: &TokenRequest) -> Result<ScopeSet, Error> {
    let parsed = ScopeSet::parse(request.scope.iter().map(String::as_str));
    parsed.map_err(|error: ScopeRefused| {
        Kind::InvalidScope
            .because(MALFORMED_SCOPE)
            .detail(error.to_string())
            .into()
    })
}
