//! Dynamic client registration (RFC 7591; AWS RegisterClient). Stores nothing.

use claviger_model::{
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType, SigningAlgorithm},
    network::Requester,
    redirect_uri::RedirectUri,
    scope::{self, ScopeRefused, ScopeSet},
    secret::Secret,
    time::Timestamp,
};

use crate::{
    context::Context,
    error::{Error, Kind, Refusal},
    token::client_id,
};

/// What a client asks for, as its dialect decoded it; nothing is checked yet.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The dialect it came in.
    pub dialect: Dialect,
    /// How it will show that it is itself.
    pub authentication: Authentication,
    /// `clientName` / `client_name`.
    pub client_name: String,
    /// `grantTypes` / `grant_types`; absent means a device-only client.
    pub grant_types: Option<Vec<String>>,
    /// `scopes`.
    pub scopes: Vec<String>,
    /// `redirectUris` / `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_alg: SigningAlgorithm,
    /// AWS `issuerUrl`: must name this instance when codes are asked for.
    pub issuer_url: Option<String>,
}

/// A client's id and secret.
#[derive(Clone, Debug)]
pub struct Registered {
    /// `clientId`, at most 2,048 characters.
    pub client_id: String,
    /// `clientSecret`; nothing for a client that keeps none.
    pub client_secret: Option<Secret>,
    /// What was registered.
    pub metadata: ClientMetadata,
    /// `clientIdIssuedAt`.
    pub issued_at: Timestamp,
    /// `clientSecretExpiresAt`.
    pub expires_at: Timestamp,
}

const MOST_REDIRECT_URIS: usize = 10;

/// Registers a client. Writes nothing, whoever asks and however often (REG-01).
pub fn register(
    context: &Context,
    requester: &Requester,
    registration: &Registration,
) -> Result<Registered, Error> {
    let now = context.now();
    let limit = context.policy.limits.registrations_per_network;
    if !context
        .registrations
        .admit(&requester.network(), limit, now)
    {
        return Err(Kind::TooManyRequests
            .because("Too many registrations from this network. Try again in a minute.")
            .into());
    }
    let metadata = check(context, registration)?;
    let expires_at = now.plus(context.policy.client_lifetime);
    let client_id = client_id::mint_id(&context.keys, &metadata, context.draw(), now, expires_at)
        .ok_or_else(|| {
        Kind::InvalidClientMetadata.because(
            "The registration is too large. Ask for fewer or shorter scopes and redirect URIs.",
        )
    })?;
    let client_secret = match metadata.authentication {
        Authentication::Secret => Some(client_id::mint_secret(&context.keys, &client_id)),
        Authentication::None | Authentication::Signature => None,
    };
    Ok(Registered {
        client_id,
        client_secret,
        metadata,
        issued_at: now,
        expires_at,
    })
}

fn check(context: &Context, registration: &Registration) -> Result<ClientMetadata, Refusal> {
    let name = check_name(context, &registration.client_name)?;
    let grant_types = check_grant_types(registration.grant_types.as_deref())?;
    let scopes = check_scopes(&registration.scopes)?;
    // None at all is what AWS clients of before 2022 send, and opens the portal.
    let are_known = !scopes.is_empty() && scopes.iter().all(scope::is_known);
    if registration.dialect == Dialect::Oauth && !are_known {
        return Err(Kind::InvalidScope.because(UNKNOWN_SCOPE));
    }
    check_policy(context, &scopes)?;
    if !context
        .keys
        .signs_by(registration.id_token_alg, context.now())
    {
        return Err(Kind::InvalidClientMetadata
            .because("id_token_signed_response_alg must be ES256: this server has no other key."));
    }
    let redirect_uris =
        check_redirect_uris(context, registration.dialect, &registration.redirect_uris)?;
    if grant_types.contains(&GrantType::AuthorizationCode) {
        check_code_client(context, registration, &scopes)?;
    }
    Ok(ClientMetadata {
        name,
        dialect: registration.dialect,
        authentication: registration.authentication,
        grant_types,
        scopes,
        redirect_uris,
        id_token_alg: registration.id_token_alg,
    })
}

fn check_name(context: &Context, name: &str) -> Result<ClientName, Refusal> {
    let name = ClientName::parse(name).map_err(|error| {
        Kind::InvalidClientMetadata
            .because(
                "The client name must not be empty nor hold control or text-direction characters.",
            )
            .detail(error.to_string())
    })?;
    let lower = name.as_str().to_lowercase();
    let policy = &context.policy;
    let applications = policy.applications.iter();
    let titles = applications.map(|own| own.metadata.name.as_str());
    let mut reserved = policy
        .reserved_names
        .iter()
        .map(String::as_str)
        .chain(titles);
    if reserved.any(|reserved| reserved.to_lowercase() == lower) {
        return Err(Kind::InvalidClientMetadata
            .because("This client name is reserved. Choose another one."));
    }
    Ok(name)
}

/// Absent or empty: a device-only client (WIRE §3.1).
fn check_grant_types(asked: Option<&[String]>) -> Result<Vec<GrantType>, Refusal> {
    let asked = asked.unwrap_or_default();
    if asked.is_empty() {
        return Ok(vec![GrantType::DeviceCode, GrantType::RefreshToken]);
    }
    let mut grant_types = Vec::new();
    for text in asked {
        let grant = GrantType::parse(text).filter(|grant| GrantType::REGISTRABLE.contains(grant));
        let grant = grant.ok_or_else(|| {
            Kind::UnsupportedGrantType.because(
                "Only authorization_code, refresh_token and \
                 urn:ietf:params:oauth:grant-type:device_code may be registered.",
            )
        })?;
        if !grant_types.contains(&grant) {
            grant_types.push(grant);
        }
    }
    Ok(grant_types)
}

/// What is no scope.
pub(crate) const MALFORMED_SCOPE: &str = "A scope must be one to three words joined by colons, such as \
     sso:account:access, name an account by its 12 digits: sso:account:ID or sso:account:ID:ROLE, or give 5 \
     to 1440 minutes: sso:minutes:30.";

/// What opens nothing here. AWS clients register such scopes and are not told (SETTLED).
const UNKNOWN_SCOPE: &str = "Each scope must be one that is known here, and there must be one. There are openid, profile, email, groups, offline_access, \
     sso:account:access and those that confine it.";

fn check_scopes(asked: &[String]) -> Result<ScopeSet, Refusal> {
    ScopeSet::parse(asked.iter().map(String::as_str)).map_err(|error| match error {
        ScopeRefused::TooMany => Kind::InvalidClientMetadata
            .because("No more than 25 scopes may be registered. Ask for fewer."),
        ScopeRefused::TwoPolicies => Kind::InvalidScope
            .because("No more than one sso:policy scope may be registered. Choose one."),
        ScopeRefused::Malformed(_) | ScopeRefused::Wider => {
            Kind::InvalidScope.because(MALFORMED_SCOPE)
        }
    })
}

/// A policy that nobody has set up would open nothing, at the first use only.
pub(crate) fn check_policy(context: &Context, scopes: &ScopeSet) -> Result<(), Refusal> {
    let known = &context.policy.session_policies;
    match scopes.session_policy() {
        Some(name) if !known.contains_key(name) => Err(Kind::InvalidScope.because(
            "The session policy that the sso:policy scope names is not known here. Ask the operator \
             which there are.",
        )),
        _ => Ok(()),
    }
}

fn check_redirect_uris(
    context: &Context,
    dialect: Dialect,
    asked: &[String],
) -> Result<Vec<RedirectUri>, Refusal> {
    if asked.len() > MOST_REDIRECT_URIS {
        return Err(
            Kind::InvalidClientMetadata.because("No more than 10 redirect URIs may be registered.")
        );
    }
    let allowed = |uri: &RedirectUri| {
        uri.is_loopback()
            || (uri.is_of_private_use() && dialect == Dialect::Oauth)
            || context
                .policy
                .allowed_origins
                .iter()
                .any(|o| o == uri.origin())
    };
    asked
        .iter()
        .map(|text| RedirectUri::parse(text).ok().filter(allowed))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| {
            Kind::InvalidRedirectUri.because(match dialect {
                Dialect::Aws => {
                    "A redirect URI must be http on 127.0.0.1, [::1] or localhost without query and \
                     fragment, or on an origin that the administrator allows."
                }
                Dialect::Oauth => {
                    "A redirect URI must be http on 127.0.0.1, [::1] or localhost, on an origin that the \
                     administrator allows, or of a private-use scheme with a dot, such as \
                     com.example.app:/callback; without query and fragment."
                }
            })
        })
}

fn check_code_client(
    context: &Context,
    registration: &Registration,
    scopes: &ScopeSet,
) -> Result<(), Refusal> {
    if registration.redirect_uris.is_empty() {
        return Err(Kind::InvalidRedirectUri
            .because("The grant authorization_code needs at least one redirect URI."));
    }
    if registration.dialect == Dialect::Oauth {
        return Ok(());
    }
    if scopes.is_empty() {
        // Observed: AWS answers so for a code client without scopes (WIRE §3.1).
        return Err(Kind::InvalidScope.because(
            "The grant authorization_code needs at least one scope, such as sso:account:access.",
        ));
    }
    let issuer = registration.issuer_url.as_deref().unwrap_or_default();
    if !context.links.name_this_instance(issuer) {
        return Err(Kind::InvalidRequest.because(
            "issuerUrl must be the start URL or issuer of this instance when \
             authorization_code is registered.",
        ));
    }
    Ok(())
}
