//! The tokens of a successful token request.

use claviger_model::{scope::ScopeSet, secret::Secret, time::Lifetime};

/// What a client is handed.
#[derive(Clone, Debug)]
pub struct Issued {
    /// `accessToken`; its type is always `Bearer`.
    pub access_token: Secret,
    /// `expiresIn`.
    pub expires_in: Lifetime,
    /// `refreshToken`; absent only for clients without scopes.
    pub refresh_token: Option<Secret>,
    /// What the access token carries.
    pub scopes: ScopeSet,
}
