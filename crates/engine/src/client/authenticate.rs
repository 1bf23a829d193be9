//! Client authentication: id and secret, no store access.

use claviger_model::{client::Client, secret::Secret, time::Timestamp};

use crate::{
    context::Context,
    error::{Error, Kind},
    token::client_id,
};

/// What a caller presents.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `clientId`.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Secret,
}

/// The one sentence for every way of not being a client (REG-10).
const NOT_A_CLIENT: &str = "Invalid client provided. Register again: for the AWS CLI, run `aws sso logout` and `aws sso login`.";

/// The client behind the credentials, in date and not denied.
pub(crate) fn authenticate(
    context: &Context,
    credentials: &ClientCredentials,
    now: Timestamp,
) -> Result<Client, Error> {
    let invalid = |detail: &str| Kind::InvalidClient.because(NOT_A_CLIENT).detail(detail);
    let client = read(context, &credentials.client_id, now).ok_or_else(|| invalid("client id"))?;
    if !client_id::admits_secret(
        &context.keys,
        &credentials.client_id,
        &credentials.client_secret,
    ) {
        return Err(invalid("client secret").into());
    }
    Ok(client)
}

/// The client of an id without a secret, as the browser brings it to `/authorize`.
pub(crate) fn read(context: &Context, id: &str, now: Timestamp) -> Option<Client> {
    let client = client_id::read_id(&context.keys, id)?;
    (now < client.expires_at && !context.is_denied(client.reference)).then_some(client)
}

/// What the client behind an authentic id calls itself; for people who watch, decides nothing.
pub fn name_of(context: &Context, id: &str) -> Option<String> {
    client_id::read_id(&context.keys, id).map(|client| client.metadata.name.as_str().to_owned())
}
