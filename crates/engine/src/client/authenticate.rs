//! Client authentication: id and secret, no store access.

use claviger_model::{
    application::Application,
    client::{Authentication, Client},
    secret::Secret,
    time::Timestamp,
};

use crate::{
    application::{self, Signature},
    context::Context,
    error::{Error, Kind},
    token::client_id,
};

/// What a caller presents.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `clientId`.
    pub client_id: String,
    /// `clientSecret`; absent for a client that keeps none.
    pub client_secret: Option<Secret>,
}

/// The one sentence for every way of not being a client (REG-10).
const NOT_A_CLIENT: &str = "Invalid client provided. Register again: for the AWS CLI, run `aws sso logout` and `aws sso login`.";

/// The client behind the credentials, in date and not denied.
pub(crate) fn authenticate(
    context: &Context,
    credentials: &ClientCredentials,
    now: Timestamp,
) -> Result<Client, Error> {
    identify(context, credentials, now).map(|known| known.client)
}

/// A client, and the application that it is if an operator configured it.
pub(crate) struct Known<'a> {
    pub(crate) client: Client,
    pub(crate) application: Option<&'a Application>,
}

/// The same with the application that it is.
pub(crate) fn identify<'a>(
    context: &'a Context,
    credentials: &ClientCredentials,
    now: Timestamp,
) -> Result<Known<'a>, Error> {
    let invalid = |detail: &str| Kind::InvalidClient.because(NOT_A_CLIENT).detail(detail);
    let id = &credentials.client_id;
    let known = find(context, id).filter(|known| is_good(context, &known.client, now));
    let known = known.ok_or_else(|| invalid("client id"))?;
    let secret = credentials.client_secret.as_ref();
    let admitted = match (known.client.metadata.authentication, secret) {
        (Authentication::Secret, Some(secret)) => known.application.map_or_else(
            || client_id::admits_secret(&context.keys, id, secret),
            // Compared in constant time.
            |application| application.client_secret.as_ref() == Some(secret),
        ),
        (Authentication::None, None) => true,
        (Authentication::Secret, None)
        | (Authentication::None, Some(_))
        | (Authentication::Signature, _) => false,
    };
    if !admitted {
        return Err(invalid("client secret").into());
    }
    Ok(known)
}

/// The client behind the credentials, which must be those of one that keeps a secret: whoever knows no more
/// than an id has shown nothing (RFC 7662 §2.1).
pub(crate) fn by_secret(
    context: &Context,
    credentials: &ClientCredentials,
    now: Timestamp,
) -> Result<Client, Error> {
    if credentials.client_secret.is_none() {
        let invalid = Kind::InvalidClient.because(NOT_A_CLIENT);
        return Err(invalid.detail("no client secret").into());
    }
    authenticate(context, credentials, now)
}

/// The application behind a signature, if that is the one that it says it is.
pub(crate) fn application<'a>(
    context: &'a Context,
    client_id: &str,
    signature: &Signature,
) -> Result<&'a Application, Error> {
    let application = application::named(context, client_id).ok_or_else(|| {
        Kind::InvalidClient.because(
            "Invalid client provided. clientId must be the ARN that `claviger admin machine create` \
             shows.",
        )
    })?;
    if application.name != signature.application {
        return Err(Kind::UnauthorizedClient
            .because("This machine key signs for another application. Use one of this application.")
            .into());
    }
    Ok(application)
}

/// The client of an id, whoever made it: itself or an operator.
pub(crate) fn find<'a>(context: &'a Context, id: &str) -> Option<Known<'a>> {
    if let Some(client) = client_id::read_id(&context.keys, id) {
        return Some(Known {
            client,
            application: None,
        });
    }
    let application = application::named(context, id)?;
    Some(Known {
        client: application::client_of(context, application),
        application: Some(application),
    })
}

fn is_good(context: &Context, client: &Client, now: Timestamp) -> bool {
    now < client.expires_at && !context.is_denied(client.reference)
}

/// The client of an id without a secret, as the browser brings it to `/authorize`.
pub(crate) fn read(context: &Context, id: &str, now: Timestamp) -> Option<Client> {
    let client = find(context, id)?.client;
    is_good(context, &client, now).then_some(client)
}

/// What the client behind an authentic id calls itself; for people who watch, decides nothing.
pub fn name_of(context: &Context, id: &str) -> Option<String> {
    find(context, id).map(|known| known.client.metadata.name.as_str().to_owned())
}
