//! The steps that every grant shares, so that none can forget one.
//!
//! Order (SECURITY-CASES B0): client authentication → grant type known → grant allowed → the
//! grant's own members, format, ownership, state, policy, effect. An earlier failure hides all
//! later ones and changes nothing.

use claviger_model::{
    client::GrantType,
    network::Requester,
    scope::{ScopeRefused, ScopeSet},
};

use super::{
    authorization_code, device_code, refresh_token,
    request::{Issued, TokenRequest},
    step::Step,
};
use crate::{
    client::{authenticate::authenticate, register::MALFORMED_SCOPE},
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
    let client = authenticate(context, &request.client, now)?;
    let grant = GrantType::parse(&request.grant_type).ok_or_else(|| {
        Kind::UnsupportedGrantType.because(
            "grantType must be authorization_code, refresh_token or \
             urn:ietf:params:oauth:grant-type:device_code.",
        )
    })?;
    if !client.may_use(grant) {
        return Err(Kind::UnauthorizedClient
            .because("This client did not register this grant type. Register it again with it.")
            .into());
    }
    let scopes = parse_scopes(&request)?;
    let step = Step {
        context,
        requester,
        client: &client,
        scopes: &scopes,
        now,
    };
    match grant {
        GrantType::DeviceCode => device_code::redeem(&step, &request).await,
        GrantType::AuthorizationCode => authorization_code::redeem(&step, &request).await,
        GrantType::RefreshToken => refresh_token::redeem(&step, &request).await,
    }
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
