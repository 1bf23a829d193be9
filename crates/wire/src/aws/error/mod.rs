//! Refusals and failures in the AWS dialect (WIRE §2.3, §2.4, §5.2).
//!
//! Clients go by the exception's name in `x-amzn-ErrorType`; it is bare, since one of them keeps
//! whatever precedes a `#`.

use bytes::Bytes;
use claviger_engine::error::{Error, Kind};
use claviger_sigv4::Invalid;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::{answer, sentence};

/// Which service's manners an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// sso-oidc: `error`, `error_description`, and `message` for those who read that.
    Oidc,
    /// The portal: `message` and `__type`.
    Portal,
}

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// An error's status, exception name and OAuth code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// HTTP status.
    pub status: u16,
    /// The name in `x-amzn-ErrorType`.
    pub name: &'static str,
    /// The member `error` of sso-oidc.
    pub code: &'static str,
}

const fn exception(status: u16, name: &'static str, code: &'static str) -> Exception {
    Exception { status, name, code }
}

const INVALID_SIGNATURE: Exception =
    exception(403, "InvalidSignatureException", "invalid_signature");

const INTERNAL: Exception = exception(500, "InternalServerException", "server_error");

/// How sso-oidc answers each kind. Kinds that it cannot meet answer with the nearest of its own.
pub const fn oidc_exception(kind: Kind) -> Exception {
    match kind {
        Kind::InvalidRequest => exception(400, "InvalidRequestException", "invalid_request"),
        // No access token and nothing to find is presented here: both would be a bad request.
        Kind::InvalidToken | Kind::NotFound => {
            exception(400, "InvalidRequestException", "invalid_request")
        }
        Kind::InvalidClient => exception(401, "InvalidClientException", "invalid_client"),
        Kind::InvalidClientMetadata => exception(
            400,
            "InvalidClientMetadataException",
            "invalid_client_metadata",
        ),
        Kind::InvalidRedirectUri => {
            exception(400, "InvalidRedirectUriException", "invalid_redirect_uri")
        }
        Kind::InvalidGrant => exception(400, "InvalidGrantException", "invalid_grant"),
        Kind::InvalidScope => exception(400, "InvalidScopeException", "invalid_scope"),
        Kind::UnauthorizedClient => {
            exception(400, "UnauthorizedClientException", "unauthorized_client")
        }
        Kind::UnsupportedGrantType => exception(
            400,
            "UnsupportedGrantTypeException",
            "unsupported_grant_type",
        ),
        Kind::AccessDenied => exception(400, "AccessDeniedException", "access_denied"),
        Kind::AuthorizationPending => exception(
            400,
            "AuthorizationPendingException",
            "authorization_pending",
        ),
        Kind::SlowDown | Kind::TooManyRequests => exception(400, "SlowDownException", "slow_down"),
        // SDKs retry 503 and keep their tokens (WIRE §2.5).
        Kind::Unavailable => exception(503, "InternalServerException", "server_error"),
        Kind::ExpiredToken => exception(400, "ExpiredTokenException", "expired_token"),
        Kind::SignatureReplayed => INVALID_SIGNATURE,
    }
}

/// How the portal answers each kind. Only a bearer token is presented here, so whatever is wrong
/// with a client or a grant can only mean that the token is not good.
pub const fn portal_exception(kind: Kind) -> Exception {
    match kind {
        Kind::InvalidRequest | Kind::InvalidScope => exception(400, "InvalidRequestException", ""),
        Kind::InvalidToken
        | Kind::InvalidClient
        | Kind::InvalidClientMetadata
        | Kind::InvalidRedirectUri
        | Kind::InvalidGrant
        | Kind::UnauthorizedClient
        | Kind::UnsupportedGrantType
        | Kind::AuthorizationPending
        | Kind::ExpiredToken
        | Kind::SignatureReplayed => exception(401, "UnauthorizedException", ""),
        // Observed, not in the model; the only 4xx that no client takes for a lost login.
        Kind::AccessDenied => exception(403, "ForbiddenException", ""),
        Kind::NotFound => exception(404, "ResourceNotFoundException", ""),
        Kind::SlowDown | Kind::TooManyRequests => exception(429, "TooManyRequestsException", ""),
        Kind::Unavailable => exception(503, "InternalServerException", ""),
    }
}

/// An error of sso-oidc.
pub fn oidc(error: &Error) -> Response<Bytes> {
    match error {
        Error::Refused(refusal) => {
            encode(Service::Oidc, oidc_exception(refusal.kind), refusal.because)
        }
        Error::Failed(_) => encode(Service::Oidc, INTERNAL, sentence::BROKEN),
    }
}

/// An error of the portal.
pub fn portal(error: &Error) -> Response<Bytes> {
    match error {
        Error::Refused(refusal) => encode(
            Service::Portal,
            portal_exception(refusal.kind),
            refusal.because,
        ),
        Error::Failed(_) => encode(Service::Portal, INTERNAL, sentence::BROKEN),
    }
}

/// A bug of ours, whatever it was (TOK-13).
pub fn broken(service: Service) -> Response<Bytes> {
    encode(service, INTERNAL, sentence::BROKEN)
}

/// An error that a fault script asked for.
pub fn scripted(service: Service, exception: Exception) -> Response<Bytes> {
    encode(service, exception, sentence::SCRIPTED)
}

/// No answer within the deadline (R7).
pub fn late(service: Service) -> Response<Bytes> {
    encode(
        service,
        Exception {
            status: 503,
            ..INTERNAL
        },
        sentence::OVERLOADED,
    )
}

/// No such path, or not with that method.
pub fn unknown_operation(service: Service, status: StatusCode) -> Response<Bytes> {
    encode(
        service,
        exception(
            status.as_u16(),
            "UnknownOperationException",
            "invalid_request",
        ),
        sentence::UNKNOWN_OPERATION,
    )
}

/// 413, 414, 415, 421 and their like, which are about the request's form.
pub fn malformed(service: Service, status: StatusCode, because: &str) -> Response<Bytes> {
    encode(
        service,
        exception(
            status.as_u16(),
            "InvalidRequestException",
            "invalid_request",
        ),
        because,
    )
}

/// A call that bears no valid signature (SIG-01 to SIG-09), answered as AWS's front ends do.
pub fn unsigned(reason: Invalid) -> Response<Bytes> {
    let name = match reason {
        Invalid::Missing => "MissingAuthenticationTokenException",
        _ => INVALID_SIGNATURE.name,
    };
    encode(
        Service::Oidc,
        exception(403, name, INVALID_SIGNATURE.code),
        &sentence(&reason.to_string()),
    )
}

/// A signature by a key that is not known or disabled.
pub fn unknown_machine() -> Response<Bytes> {
    encode(
        Service::Oidc,
        exception(403, "UnrecognizedClientException", INVALID_SIGNATURE.code),
        "The access key is not known here or disabled. `claviger admin machine list` shows those that \
         are known.",
    )
}

/// What begins with `aws_iam` but is not exactly `aws_iam=t`: never served as the unsigned call.
pub fn misspelled_aws_iam() -> Response<Bytes> {
    encode(
        Service::Oidc,
        exception(
            403,
            "MissingAuthenticationTokenException",
            INVALID_SIGNATURE.code,
        ),
        "The query must be exactly aws_iam=t for CreateTokenWithIAM, and absent for CreateToken.",
    )
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(rest)
        .chain(['.'])
        .collect()
}

/// What an error's body says.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(rename = "__type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
    message: &'a str,
}

fn encode(service: Service, exception: Exception, because: &str) -> Response<Bytes> {
    let body = match service {
        Service::Oidc => Told {
            kind: None,
            error: Some(exception.code),
            error_description: Some(because),
            message: because,
        },
        Service::Portal => Told {
            kind: Some(exception.name),
            error: None,
            error_description: None,
            message: because,
        },
    };
    let status =
        StatusCode::from_u16(exception.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer::json(status, &body);
    response
        .headers_mut()
        .insert(ERROR_TYPE, HeaderValue::from_static(exception.name));
    if matches!(exception.status, 429 | 503) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests;
