//! What a failed call of an STS means to the person who asked (POR-10).

use aws_sdk_sts::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use claviger_model::port::credential_source::NotIssued;

/// Asking more slowly would help.
const THROTTLING: [&str; 7] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TooManyRequestsException",
    "SlowDown",
];
/// About our own identity or our clock: no role works until an operator acts.
const OURS: [&str; 11] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IDPCommunicationError",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidIdentityToken",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Sorts a failure into the three kinds. The detail bears the STS's words; it is for the log only.
pub(super) fn not_issued<E>(failure: &SdkError<E, HttpResponse>) -> NotIssued
where
    E: std::error::Error + ProvideErrorMetadata + RequestId + 'static,
{
    let SdkError::ServiceError(answer) = failure else {
        return NotIssued::Unavailable {
            detail: chain(failure),
        };
    };
    let status = answer.raw().status().as_u16();
    let error = answer.err();
    let Some(code) = error.code() else {
        // A page of a proxy, a redirect, a broken document: not an STS speaking.
        return NotIssued::Unavailable {
            detail: format!(
                "the answer (status {status}) is none of an STS: check the endpoint; {}",
                chain(error)
            ),
        };
    };
    let detail = format!(
        "{code}: {} (status {status}, request {}){}",
        error.message().unwrap_or("no message"),
        error.request_id().unwrap_or("without id"),
        hint(code)
    );
    if status == 429 || THROTTLING.contains(&code) {
        NotIssued::Throttled { detail }
    } else if (400..500).contains(&status) && !OURS.contains(&code) {
        NotIssued::Refused { detail }
    } else {
        NotIssued::Unavailable { detail }
    }
}

/// The words of an error and of its causes. Never its `Debug`, which shows the raw answer: a broken
/// one may hold credentials.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn hint(code: &str) -> &'static str {
    match code {
        "AccessDenied" | "AccessDeniedException" => {
            "; the role's trust policy must allow sts:AssumeRole to the server's identity (with a web \
             identity: sts:AssumeRoleWithWebIdentity to its provider), and sts:TagSession and \
             sts:SetSourceIdentity unless the target switches them off"
        }
        "InvalidIdentityToken" => {
            "; compare the target's audience with that of the identity provider, and the provider's \
             URL with the server's public_url"
        }
        "IDPCommunicationError" => {
            "; the STS must reach the server's /.well-known/openid-configuration and /jwks"
        }
        "ValidationError" => "; compare the role's duration with its MaxSessionDuration",
        _ => "",
    }
}
