//! The error table, whole, and against the published models.

use claviger_engine::error::Failure;
use serde_json::Value;

use super::*;

fn model(text: &str) -> Value {
    serde_json::from_str(text).expect("a service model")
}

fn published(model: &Value, name: &str) -> Option<u16> {
    let shape = &model["shapes"][name];
    shape["exception"].as_bool()?;
    let status = shape["error"]["httpStatusCode"]
        .as_u64()
        .or_else(|| shape["fault"].as_bool().map(|_| 500));
    status.and_then(|status| u16::try_from(status).ok())
}

#[test]
fn every_kind_has_its_row_on_both_faces() {
    let rows: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| {
            let (oidc, portal) = (oidc_exception(*kind), portal_exception(*kind));
            format!(
                "{kind:?}: {} {} {} | {} {}",
                oidc.status, oidc.name, oidc.code, portal.status, portal.name
            )
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
InvalidRequest: 400 InvalidRequestException invalid_request | 400 InvalidRequestException
InvalidClient: 401 InvalidClientException invalid_client | 401 UnauthorizedException
InvalidClientMetadata: 400 InvalidClientMetadataException invalid_client_metadata | 401 UnauthorizedException
InvalidRedirectUri: 400 InvalidRedirectUriException invalid_redirect_uri | 401 UnauthorizedException
InvalidGrant: 400 InvalidGrantException invalid_grant | 401 UnauthorizedException
InvalidScope: 400 InvalidScopeException invalid_scope | 400 InvalidRequestException
UnauthorizedClient: 400 UnauthorizedClientException unauthorized_client | 401 UnauthorizedException
UnsupportedGrantType: 400 UnsupportedGrantTypeException unsupported_grant_type | 401 UnauthorizedException
AccessDenied: 400 AccessDeniedException access_denied | 403 ForbiddenException
AuthorizationPending: 400 AuthorizationPendingException authorization_pending | 401 UnauthorizedException
SlowDown: 400 SlowDownException slow_down | 429 TooManyRequestsException
TooManyRequests: 400 SlowDownException slow_down | 429 TooManyRequestsException
Unavailable: 503 InternalServerException server_error | 503 InternalServerException
ExpiredToken: 400 ExpiredTokenException expired_token | 401 UnauthorizedException
InvalidToken: 400 InvalidRequestException invalid_request | 401 UnauthorizedException
NotFound: 400 InvalidRequestException invalid_request | 404 ResourceNotFoundException
SignatureReplayed: 403 InvalidSignatureException invalid_signature | 401 UnauthorizedException
"#);
}

#[test]
fn names_and_statuses_are_those_of_the_models() {
    let oidc_model = model(include_str!("../../../models/sso-oidc.json"));
    let portal_model = model(include_str!("../../../models/sso.json"));
    // Signatures are AWS's front ends' matter, which no model tells.
    let modelled = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::SignatureReplayed);
    for kind in modelled {
        let oidc = oidc_exception(kind);
        let known = published(&oidc_model, oidc.name).expect(oidc.name);
        // A store that is away is no fault of the model's 500: clients try a 503 again.
        let due = if kind == Kind::Unavailable {
            503
        } else {
            known
        };
        assert_eq!(oidc.status, due, "{kind:?}");
        for member in ["error", "error_description"] {
            let members = &oidc_model["shapes"][oidc.name]["members"];
            assert!(
                members.get(member).is_some(),
                "{} lacks {member}",
                oidc.name
            );
        }
        let portal = portal_exception(kind);
        let published = match kind {
            // Not modelled, but what the real service sends, and what a failure looks like.
            Kind::AccessDenied => Some(403),
            Kind::Unavailable => Some(503),
            _ => published(&portal_model, portal.name),
        };
        assert_eq!(published, Some(portal.status), "{kind:?}");
    }
}

#[test]
fn an_error_is_sent_whole_in_both_manners() {
    let pending = Error::from(Kind::AuthorizationPending.because("Authorization is still pending"));
    insta::assert_snapshot!(transcript(&oidc(&pending)), @r#"
400
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
x-amzn-errortype: AuthorizationPendingException
x-content-type-options: nosniff

{"error":"authorization_pending","error_description":"Authorization is still pending","message":"Authorization is still pending"}
"#);
    let denied = Error::from(
        Kind::AccessDenied
            .because("No access")
            .detail("secret detail"),
    );
    insta::assert_snapshot!(transcript(&portal(&denied)), @r#"
403
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
x-amzn-errortype: ForbiddenException
x-content-type-options: nosniff

{"__type":"ForbiddenException","message":"No access"}
"#);
}

#[test]
fn lea_02_a_failure_tells_nothing_of_its_cause() {
    let source = std::io::Error::other("SELECT * FROM /var/lib/claviger");
    let failed = Error::from(Failure {
        doing: "using the store",
        source: Box::new(source),
    });
    for response in [oidc(&failed), portal(&failed)] {
        let text = format!(
            "{} {}",
            response.status().as_u16(),
            String::from_utf8_lossy(response.body())
        );
        assert!(!text.contains("SELECT") && !text.contains("store") && text.starts_with("500"));
    }
}

fn transcript(response: &Response<Bytes>) -> String {
    let mut headers: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(response.body());
    format!(
        "{}\n{}\n\n{body}",
        response.status().as_u16(),
        headers.join("\n")
    )
}
