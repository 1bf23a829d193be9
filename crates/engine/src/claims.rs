//! What a client may know of a person (OpenID Connect Core §5.4), in its ID token and at the `userinfo` endpoint.

use claviger_model::{
    directory::User,
    scope::{EMAIL, GROUPS, OPENID, PROFILE, ScopeSet},
    secret::Secret,
};
use claviger_store::repository::directory;

use crate::{
    bearer,
    context::Context,
    error::{Error, Kind},
    issued::Claims,
};

/// The claims of an ID token with these scopes; nothing where they do not ask for one. A grant reads them before it spends
/// anything, so that nothing is spent when they cannot be read.
pub(crate) async fn of_id_token(
    context: &Context,
    user: &User,
    scopes: &ScopeSet,
) -> Result<Option<Claims>, Error> {
    if scopes.contains(OPENID) {
        of(context, user, scopes).await.map(Some)
    } else {
        Ok(None)
    }
}

/// The claims behind an access token (OpenID Connect Core §5.3).
pub async fn behind(context: &Context, token: &Secret) -> Result<Claims, Error> {
    let found = bearer::believe(context, token, context.now()).await?;
    let bearer = found.ok_or_else(|| {
        Kind::InvalidToken.because("The access token is not valid or has ended. Get a new one.")
    })?;
    let scopes = bearer.scopes();
    if !scopes.contains(OPENID) {
        return Err(Kind::AccessDenied
            .because("The access token was not granted openid. Ask for that scope.")
            .into());
    }
    bearer::mark_used(context, &bearer).await;
    of(context, &bearer.user, &scopes).await
}

async fn of(context: &Context, user: &User, scopes: &ScopeSet) -> Result<Claims, Error> {
    let groups = if scopes.contains(GROUPS) {
        Some(directory::group_names_of(context.store.as_ref(), user.id).await?)
    } else {
        None
    };
    let names = || (user.display_name.clone(), user.name.as_str().to_owned());
    Ok(Claims {
        user_id: user.id,
        names: scopes.contains(PROFILE).then(names),
        email: user.email.clone().filter(|_| scopes.contains(EMAIL)),
        groups,
    })
}
