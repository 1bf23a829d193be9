//! The token endpoint (RFC 6749 §3.2, RFC 7523 §2.1, RFC 8628 §3.4, RFC 8693 §2).

use bytes::Bytes;
use claviger_engine::{
    error::{Error, Kind},
    grant::request::{Caller, Issued, TokenRequest, TokenType},
};
use claviger_model::{client::GrantType, secret::Secret};
use http::{HeaderMap, Response, StatusCode, header};
use serde::Serialize;

use super::{client::credentials, form};
use crate::{answer, query::Parameters};

/// Reads a token request. Parameters of other grants than the one named are read and left aside.
pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<TokenRequest, Error> {
    let form = form::read(body)?;
    let grant_type = form::text(&form, "grant_type")?;
    let caller = if is_of_a_workload(headers, &form, grant_type) {
        Caller::Workload
    } else {
        credentials(headers, &form)?.into()
    };
    let grant_type = grant_type.ok_or_else(|| {
        Kind::InvalidRequest.because(
            "grantType is missing. Send authorization_code, refresh_token, \
             urn:ietf:params:oauth:grant-type:device_code, or another that you have been given.",
        )
    })?;
    if grant_type == GrantType::TokenExchange.as_str()
        && TARGETS.iter().any(|name| form.get(name).is_some())
    {
        return Err(Kind::InvalidRequest
            .because(
                "resource, audience and actor_token are not used here. Say by scope what the new token is for.",
            )
            .into());
    }
    Ok(TokenRequest {
        assertion: form::assertion(&form, "assertion")?,
        subject_token: form::assertion(&form, "subject_token")?,
        subject_token_type: owned(&form, "subject_token_type")?,
        requested_token_type: owned(&form, "requested_token_type")?,
        device_code: form::secret(&form, "device_code")?,
        code: form::secret(&form, "code")?,
        refresh_token: form::secret(&form, "refresh_token")?,
        scope: form::scopes(&form, "scope")?,
        redirect_uri: owned(&form, "redirect_uri")?,
        code_verifier: form::secret(&form, "code_verifier")?,
        ..TokenRequest::new(caller, grant_type)
    })
}

/// Parameters of an exchange that would make its token good for somebody else (RFC 8693 §2.1).
const TARGETS: [&str; 3] = ["resource", "audience", "actor_token"];

/// Whether an assertion comes alone, without a client.
fn is_of_a_workload(headers: &HeaderMap, form: &Parameters, grant_type: Option<&str>) -> bool {
    let is_client = headers.contains_key(header::AUTHORIZATION)
        || form.get("client_id").is_some()
        || form.get("client_secret").is_some();
    grant_type == Some(GrantType::JwtBearer.as_str()) && !is_client
}

fn owned(form: &Parameters, name: &str) -> Result<Option<String>, Error> {
    Ok(form::text(form, name)?.map(ToOwned::to_owned))
}

/// The answer (RFC 6749 §5.1).
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    scope: String,
}

/// Writes what was issued, and the ID token that goes with it.
pub fn encode(issued: &Issued, id_token: Option<&Secret>) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &Granted {
            access_token: issued.access_token.reveal(),
            token_type: "Bearer",
            expires_in: issued.expires_in.as_seconds(),
            refresh_token: issued.refresh_token.as_ref().map(Secret::reveal),
            id_token: id_token.map(Secret::reveal),
            // What the member `access_token` holds, whatever stands beside it (RFC 8693 §2.2.1).
            issued_token_type: issued.exchanged.then(|| TokenType::Access.as_str()),
            scope: issued.scopes.join(),
        },
    )
}
