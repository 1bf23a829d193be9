//! How a client shows that it is itself: `client_secret_basic`, `client_secret_post` or `none` (RFC 6749 §2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_engine::{
    client::authenticate::ClientCredentials,
    error::{Error, Kind, Refusal},
};
use claviger_model::secret::Secret;
use http::{HeaderMap, header};

use super::form;
use crate::query::{self, Parameters};

/// The way of those that keep no secret.
pub(super) const NONE: &str = "none";

/// The ways of it, as metadata name them; the first is that of whoever says nothing.
pub const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", NONE];

/// Reads who asks: from the header, or else from the form; never from both (TOK-02).
pub(super) fn credentials(
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<ClientCredentials, Error> {
    let client_id = form::text(parameters, "client_id")?;
    let client_secret = form::secret(parameters, "client_secret")?;
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let Some(authorization) = authorizations.next() else {
        return Ok(ClientCredentials {
            client_id: client_id.ok_or_else(|| refused("no client_id"))?.to_owned(),
            client_secret,
        });
    };
    if client_secret.is_some() || authorizations.next().is_some() {
        return Err(Kind::InvalidRequest
            .because(
                "The client must show its secret once: in the header Authorization or in the body.",
            )
            .into());
    }
    let own = authorization.to_str().ok().and_then(basic);
    let own = own.ok_or_else(|| refused("no Basic credentials in Authorization"))?;
    if client_id.is_some_and(|client_id| client_id != own.client_id) {
        return Err(Kind::InvalidRequest
            .because("client_id in the body is not the one in the header Authorization.")
            .into());
    }
    Ok(own)
}

/// Reads who asks, and about which token. What kind of token they take it for changes nothing; `missing` is said where
/// there is none.
pub(super) fn about(
    headers: &HeaderMap,
    body: &[u8],
    missing: &'static str,
) -> Result<(ClientCredentials, Secret), Error> {
    let form = form::read(body)?;
    let client = credentials(headers, &form)?;
    let token = form::secret(&form, "token")?;
    let token = token.ok_or_else(|| Kind::InvalidRequest.because(missing))?;
    Ok((client, token))
}

/// Reads `Basic`, whose two parts are encoded as a form's (RFC 6749 §2.3.1).
fn basic(authorization: &str) -> Option<ClientCredentials> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_start()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let secret = query::decode(secret).ok()?;
    Some(ClientCredentials {
        client_id: query::decode(id).ok()?,
        client_secret: (!secret.is_empty()).then(|| Secret::new(secret)),
    })
}

fn refused(detail: &str) -> Refusal {
    // This dialect has one sentence for all of them.
    Kind::InvalidClient.because("").detail(detail)
}
