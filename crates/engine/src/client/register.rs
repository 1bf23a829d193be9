//! Dynamic client registration (RFC 7591; AWS RegisterClient). Stores nothing.

use claviger_model::{client::Dialect, network::Requester, secret::Secret, time::Timestamp};

use crate::{context::Context, error::Error};

/// What a client asks for, as its dialect decoded it; nothing is checked yet.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The dialect it came in.
    pub dialect: Dialect,
    /// `clientName` / `client_name`.
    pub client_name: String,
    /// `grantTypes` / `grant_types`; absent means a device-only client.
    pub grant_types: Option<Vec<String>>,
    /// `scopes`.
    pub scopes: Vec<String>,
    /// `redirectUris` / `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// AWS `issuerUrl`: must name this instance when codes are asked for.
    pub issuer_url: Option<String>,
}

/// A client's id and secret.
#[derive(Clone, Debug)]
pub struct Registered {
    /// `clientId`, at most 2,048 characters.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Secret,
    /// `clientIdIssuedAt`.
    pub issued_at: Timestamp,
    /// `clientSecretExpiresAt`.
    pub expires_at: Timestamp,
}

/// Registers a client.
#[expect(clippy::unused_async, reason = "kept async")]
pub async fn register(
    context: &Context,
    requester: &Requester,
    registration: Registration,
) -> Result<Registered, Error> {
    let _ = (context, requester, registration);
    todo!()
}
