//! The steps that every grant shares, so that none can forget one.
//!
//! Order (SECURITY-CASES B0): client authentication → grant type known → grant allowed → the
//! grant's own members, format, ownership, state, policy, effect. An earlier failure hides all
//! later ones and changes nothing.

use claviger_model::{
    application::Application,
    client::{Client, Dialect, GrantType},
    network::Requester,
    scope::{ScopeRefused, ScopeSet},
    time::Timestamp,
};

use super::{
    authorization_code, device_code, jwt_bearer, refresh_token,
    request::{Caller, Issued, TokenRequest, TokenType},
    step::{Once, Step},
    token_exchange, workload,
};
use crate::{
    application::client_of,
    client::{
        authenticate::{self, authenticate},
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
    let (client, application, once) = caller(context, &request.caller, now)?;
    let grant = grant_type(&request, &client, application.is_some())?;
    let scopes = parse_scopes(&request)?;
    let mut step = Step {
        context,
        requester,
        client: &client,
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
    };
    let mut issued = issued?;
    // AWS clients that register no grants have all that they need.
    let asks_for_each = application.is_some() || client.metadata.dialect == Dialect::Oauth;
    if asks_for_each && !client.may_use(GrantType::RefreshToken) {
        issued.refresh_token = None;
        issued.token_type = TokenType::Access;
    }
    Ok(issued)
}

/// Who asks, and what of the request may come once only.
fn caller<'a>(
    context: &'a Context,
    caller: &Caller,
    now: Timestamp,
) -> Result<(Client, Option<&'a Application>, Vec<Once>), Error> {
    match caller {
        Caller::Client(credentials) => Ok((authenticate(context, credentials, now)?, None, vec![])),
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
            Ok((client, Some(application), vec![once]))
        }
        Caller::Workload => Err(Kind::InvalidClient
            .because("A workload has no client. Send its assertion alone.")
            .into()),
    }
}

fn grant_type(request: &TokenRequest, client: &Client, signed: bool) -> Result<GrantType, Error> {
    let offered: &[GrantType] = if signed {
        &GrantType::SIGNED
    } else {
        &GrantType::REGISTRABLE
    };
    let grant = GrantType::parse(&request.grant_type).filter(|grant| offered.contains(grant));
    let grant = grant.ok_or_else(|| {
        Kind::UnsupportedGrantType.because(if signed {
            "grantType must be authorization_code, refresh_token, \
             urn:ietf:params:oauth:grant-type:jwt-bearer or \
             urn:ietf:params:oauth:grant-type:token-exchange."
        } else {
            "grantType must be authorization_code, refresh_token or \
             urn:ietf:params:oauth:grant-type:device_code."
        })
    })?;
    if client.may_use(grant) {
        return Ok(grant);
    }
    Err(Kind::UnauthorizedClient
        .because(if signed {
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
