//! sso-oidc: RegisterClient, StartDeviceAuthorization, CreateToken (WIRE §3).

use bytes::Bytes;
use claviger_engine::{
    application::Signature,
    client::{
        authenticate::ClientCredentials,
        register::{Registered, Registration},
    },
    device::{DeviceStarted, StartDevice},
    error::{Error, Kind},
    grant::request::{Caller, Issued, TokenRequest},
};
use claviger_model::{
    client::{Authentication, Dialect, GrantType, SigningAlgorithm},
    secret::Secret,
};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::{answer, body::Members};

// Caps on members, in bytes (WIRE §3.6).
const NAME: usize = 255;
const URL: usize = 2048;
const CLIENT_SECRET: usize = 8192;
const TOKEN: usize = 4096;
const ASSERTION: usize = 16_384;
const SCOPE: usize = 160;

/// Reads RegisterClient.
pub fn decode_register_client(body: &[u8]) -> Result<Registration, Error> {
    let members = Members::read(body)?;
    let client_name = members.required(
        "clientName",
        NAME * 4,
        "clientName is missing. Send a name.",
    )?;
    let missing = "clientType is missing. Send public.";
    if members.required("clientType", NAME, missing)? != "public" {
        return Err(Kind::InvalidRequest
            .because("clientType must be public.")
            .into());
    }
    let issuer_url = members.text("issuerUrl", URL)?;
    Ok(Registration {
        dialect: Dialect::Aws,
        authentication: Authentication::Secret,
        id_token_alg: SigningAlgorithm::Es256,
        client_name: client_name.to_owned(),
        grant_types: members.texts("grantTypes", NAME)?,
        scopes: members.texts("scopes", SCOPE)?.unwrap_or_default(),
        redirect_uris: members.texts("redirectUris", URL)?.unwrap_or_default(),
        issuer_url: issuer_url.map(ToOwned::to_owned),
    })
}

/// RegisterClient's answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegisterClient<'a> {
    authorization_endpoint: Option<&'a str>,
    client_id: &'a str,
    client_id_issued_at: i64,
    client_secret: Option<&'a str>,
    client_secret_expires_at: i64,
    token_endpoint: Option<&'a str>,
}

/// Writes RegisterClient's answer.
pub fn encode_register_client(registered: &Registered) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &RegisterClient {
            authorization_endpoint: None,
            client_id: &registered.client_id,
            client_id_issued_at: registered.issued_at.epoch_seconds(),
            client_secret: registered.client_secret.as_ref().map(Secret::reveal),
            client_secret_expires_at: registered.expires_at.epoch_seconds(),
            token_endpoint: None,
        },
    )
}

/// Reads StartDeviceAuthorization.
pub fn decode_start_device_authorization(body: &[u8]) -> Result<StartDevice, Error> {
    let members = Members::read(body)?;
    let client = credentials(&members)?;
    let missing = "startUrl is missing. Send the start URL of this instance.";
    Ok(StartDevice {
        client,
        start_url: Some(members.required("startUrl", URL, missing)?.to_owned()),
        scopes: Vec::new(),
    })
}

/// StartDeviceAuthorization's answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartDeviceAuthorization<'a> {
    device_code: &'a str,
    expires_in: u32,
    interval: u32,
    user_code: &'a str,
    verification_uri: &'a str,
    verification_uri_complete: &'a str,
}

/// Writes StartDeviceAuthorization's answer.
pub fn encode_start_device_authorization(started: &DeviceStarted) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &StartDeviceAuthorization {
            device_code: started.device_code.reveal(),
            expires_in: started.expires_in.as_seconds(),
            interval: started.interval.as_seconds(),
            user_code: &started.user_code.to_string(),
            verification_uri: &started.verification_uri,
            verification_uri_complete: &started.verification_uri_complete,
        },
    )
}

/// Reads CreateToken. Members of other grants than the one named are read and left aside.
pub fn decode_create_token(body: &[u8]) -> Result<TokenRequest, Error> {
    let members = Members::read(body)?;
    if let Some(request) = of_a_workload(&members)? {
        return Ok(request);
    }
    let client = credentials(&members)?;
    let missing = "grantType is missing. Send authorization_code, refresh_token or \
                   urn:ietf:params:oauth:grant-type:device_code.";
    let grant_type = members.required("grantType", NAME, missing)?;
    Ok(TokenRequest {
        device_code: secret(&members, "deviceCode", TOKEN)?,
        ..of_both_calls(&members, client, grant_type)?
    })
}

/// The token of a workload's platform, which comes without a client: the one call that AWS does not have.
fn of_a_workload(members: &Members<'_>) -> Result<Option<TokenRequest>, Error> {
    let grant_type = members.text("grantType", NAME)?;
    let grant_type = grant_type.filter(|grant| *grant == GrantType::JwtBearer.as_str());
    let client = members.text("clientId", URL)?.is_some()
        || members.text("clientSecret", CLIENT_SECRET)?.is_some();
    let Some(grant_type) = grant_type.filter(|_| !client) else {
        return Ok(None);
    };
    Ok(Some(TokenRequest {
        assertion: secret(members, "assertion", ASSERTION)?,
        scope: members.texts("scope", SCOPE)?.unwrap_or_default(),
        ..TokenRequest::new(Caller::Workload, grant_type)
    }))
}

/// Reads CreateTokenWithIAM, of a machine whose signature was verified.
pub fn decode_create_token_with_iam(
    body: &[u8],
    signature: Signature,
) -> Result<TokenRequest, Error> {
    let members = Members::read(body)?;
    let missing = "clientId is missing. Send the ARN of the application.";
    let caller = Caller::Application {
        client_id: members.required("clientId", URL, missing)?.to_owned(),
        signature,
    };
    let missing = "grantType is missing. Send authorization_code, refresh_token, \
                   urn:ietf:params:oauth:grant-type:jwt-bearer or \
                   urn:ietf:params:oauth:grant-type:token-exchange.";
    let grant_type = members.required("grantType", NAME, missing)?;
    Ok(TokenRequest {
        assertion: secret(&members, "assertion", ASSERTION)?,
        subject_token: secret(&members, "subjectToken", ASSERTION)?,
        subject_token_type: text(&members, "subjectTokenType", NAME)?,
        requested_token_type: text(&members, "requestedTokenType", NAME)?,
        ..of_both_calls(&members, caller, grant_type)?
    })
}

/// What CreateToken and CreateTokenWithIAM have in common.
fn of_both_calls(
    members: &Members<'_>,
    caller: impl Into<Caller>,
    grant_type: &str,
) -> Result<TokenRequest, Error> {
    Ok(TokenRequest {
        code: secret(members, "code", TOKEN)?,
        refresh_token: secret(members, "refreshToken", TOKEN)?,
        scope: members.texts("scope", SCOPE)?.unwrap_or_default(),
        redirect_uri: text(members, "redirectUri", URL)?,
        code_verifier: secret(members, "codeVerifier", TOKEN)?,
        ..TokenRequest::new(caller, grant_type)
    })
}

fn secret(members: &Members<'_>, name: &str, longest: usize) -> Result<Option<Secret>, Error> {
    Ok(members.text(name, longest)?.map(Secret::from))
}

fn text(members: &Members<'_>, name: &str, longest: usize) -> Result<Option<String>, Error> {
    Ok(members.text(name, longest)?.map(ToOwned::to_owned))
}

/// CreateToken's answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateToken<'a> {
    access_token: &'a str,
    expires_in: u32,
    id_token: Option<&'a str>,
    refresh_token: Option<&'a str>,
    token_type: &'static str,
}

/// Writes CreateToken's answer.
pub fn encode_create_token(issued: &Issued) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &CreateToken {
            access_token: issued.access_token.reveal(),
            expires_in: issued.expires_in.as_seconds(),
            id_token: None,
            refresh_token: issued.refresh_token.as_ref().map(Secret::reveal),
            token_type: "Bearer",
        },
    )
}

/// Writes CreateTokenWithIAM's answer. The identity context is AWS's own, which no other STS takes and
/// nobody but AWS can make: it is never there.
pub fn encode_create_token_with_iam(issued: &Issued, id_token: Option<&Secret>) -> Response<Bytes> {
    answer::json(
        StatusCode::OK,
        &json!({
            "accessToken": issued.access_token.reveal(),
            "tokenType": "Bearer",
            "expiresIn": issued.expires_in.as_seconds(),
            "refreshToken": issued.refresh_token.as_ref().map(Secret::reveal),
            "idToken": id_token.map(Secret::reveal),
            "issuedTokenType": issued.token_type().as_str(),
            "scope": issued.scopes.iter().collect::<Vec<_>>(),
            "awsAdditionalDetails": { "identityContext": null },
        }),
    )
}

fn credentials(members: &Members<'_>) -> Result<ClientCredentials, Error> {
    let missing = "clientId and clientSecret are missing. Send the ones of RegisterClient.";
    let client_id = members.required("clientId", URL, missing)?;
    let client_secret = members.required("clientSecret", CLIENT_SECRET, missing)?;
    Ok(ClientCredentials {
        client_id: client_id.to_owned(),
        client_secret: Some(Secret::from(client_secret)),
    })
}

/// What the query of `POST /token` says about CreateTokenWithIAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsIam {
    /// Nothing: the unsigned CreateToken.
    Absent,
    /// Exactly `aws_iam=t`, once: the signed call.
    Exact,
    /// Any other spelling: refused, never served as the unsigned call.
    Misspelled,
}

/// Reads the raw query of `POST /token`.
pub fn aws_iam(query: Option<&str>) -> AwsIam {
    let query = query.unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(query)
        .decode_utf8_lossy()
        .to_lowercase();
    if !decoded.replace(['-', ' '], "_").contains("aws_iam") {
        AwsIam::Absent
    } else if query == "aws_iam=t" {
        AwsIam::Exact
    } else {
        AwsIam::Misspelled
    }
}

#[cfg(test)]
mod tests;
