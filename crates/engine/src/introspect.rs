//! Token introspection (RFC 7662): what a token is worth at this moment, told to the client that it was made for.

use claviger_model::{
    id::UserId,
    scope::{PROFILE, ScopeSet},
    secret::Secret,
    time::Timestamp,
};

use crate::{
    bearer,
    client::authenticate::{self, ClientCredentials},
    context::Context,
    error::Error,
};

/// What a good access token is worth.
#[derive(Clone, Debug)]
pub struct Active {
    /// `client_id`: whose it is, as they called themselves.
    pub client_id: String,
    /// `sub`.
    pub user_id: UserId,
    /// `username`, where the token has the scope `profile`.
    pub user_name: Option<String>,
    /// `scope`.
    pub scopes: ScopeSet,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// Tells a client that has shown its secret what a token of its own is worth; nothing of any other token, and
/// nothing of refresh tokens: when those change would tell a thief when to use one (REF-16, MET-02, MET-03).
pub async fn introspect(
    context: &Context,
    client: &ClientCredentials,
    token: &Secret,
) -> Result<Option<Active>, Error> {
    let now = context.now();
    let asking = authenticate::by_secret(context, client, now)?;
    let found = bearer::believe(context, token, now).await?;
    let Some(bearer) = found.filter(|bearer| bearer.claims.client == asking.reference) else {
        return Ok(None);
    };
    bearer::mark_used(context, &bearer).await;
    let scopes = bearer.scopes();
    let user_name = bearer.user.name.as_str();
    Ok(Some(Active {
        client_id: client.client_id.clone(),
        user_id: bearer.user.id,
        user_name: scopes.contains(PROFILE).then(|| user_name.to_owned()),
        scopes,
        expires_at: bearer.claims.expires_at,
    }))
}
