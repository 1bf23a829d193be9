//! The error table, whole: every kind of refusal, a failure and a late answer as the endpoints of both dialects send them;
//! and every sentence that says something by its AWS name, as the standard dialect says it.

use std::{fs, path::Path};

use bytes::Bytes;
use claviger_engine::error::{Error, Failure, Kind};
use http::{HeaderName, Response, header};
use serde_json::Value;

use crate::{aws::error as aws, face::Face, oauth, oauth::error as standard};

/// How an endpoint says no.
type Refuse = fn(&Error) -> Response<Bytes>;

/// `/token` and its like, `/register` and `/userinfo`.
const STANDARD: [Refuse; 3] = [
    standard::refuse,
    standard::refuse_registration,
    oauth::userinfo::refuse,
];

/// sso-oidc and the portal.
const AWS: [Refuse; 2] = [aws::oidc, aws::portal];

/// One row for each kind, and one for what is no refusal.
fn table(faces: &[Refuse], late: &[Face]) -> String {
    let row = |name: &str, answers: Vec<Response<Bytes>>| {
        let told: Vec<String> = answers.iter().map(told).collect();
        format!("{name}: {}", told.join(" | "))
    };
    let refused = |error: &Error| faces.iter().map(|refuse| refuse(error)).collect();
    let mut rows: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| row(&format!("{kind:?}"), refused(&kind.because("No.").into())))
        .collect();
    rows.push(row("(failed)", refused(&failure())));
    rows.push(row("(late)", late.iter().map(|face| face.late()).collect()));
    rows.join("\n")
}

fn failure() -> Error {
    let source = std::io::Error::other("SELECT * FROM /var/lib/claviger");
    let failure = Failure {
        doing: "using the store",
        source: Box::new(source),
    };
    failure.into()
}

/// What clients go by: status, exception or code, when to try again, what to show.
fn told(response: &Response<Bytes>) -> String {
    let headers = response.headers();
    let header = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    let exception = HeaderName::from_static("x-amzn-errortype");
    let mut told = vec![response.status().as_u16().to_string()];
    told.extend(header(&exception).map(ToOwned::to_owned));
    told.extend(body["error"].as_str().map(ToOwned::to_owned));
    told.extend(header(&header::RETRY_AFTER).map(|time| format!("({time} s)")));
    told.extend(header(&header::WWW_AUTHENTICATE).map(|shown| format!("({shown})")));
    told.join(" ")
}

#[test]
fn every_kind_has_its_row_in_the_standard_dialect() {
    insta::assert_snapshot!(table(&STANDARD, &[Face::Oauth]), @r#"
InvalidRequest: 400 invalid_request | 400 invalid_client_metadata | 400 invalid_request
InvalidClient: 401 invalid_client (Basic realm="claviger") | 401 invalid_client (Basic realm="claviger") | 401 invalid_client (Basic realm="claviger")
InvalidClientMetadata: 400 invalid_client_metadata | 400 invalid_client_metadata | 400 invalid_client_metadata
InvalidRedirectUri: 400 invalid_redirect_uri | 400 invalid_redirect_uri | 400 invalid_redirect_uri
InvalidGrant: 400 invalid_grant | 400 invalid_grant | 400 invalid_grant
InvalidScope: 400 invalid_scope | 400 invalid_client_metadata | 400 invalid_scope
UnauthorizedClient: 400 unauthorized_client | 400 unauthorized_client | 400 unauthorized_client
UnsupportedGrantType: 400 unsupported_grant_type | 400 invalid_client_metadata | 400 unsupported_grant_type
AccessDenied: 400 access_denied | 400 access_denied | 403 insufficient_scope (Bearer error="insufficient_scope", scope="openid")
AuthorizationPending: 400 authorization_pending | 400 authorization_pending | 400 authorization_pending
SlowDown: 400 slow_down | 400 slow_down | 400 slow_down
TooManyRequests: 429 slow_down (60 s) | 429 slow_down (60 s) | 429 slow_down (60 s)
Unavailable: 503 temporarily_unavailable (1 s) | 503 temporarily_unavailable (1 s) | 503 temporarily_unavailable (1 s)
ExpiredToken: 400 expired_token | 400 expired_token | 400 expired_token
InvalidToken: 401 invalid_token (Basic realm="claviger") | 401 invalid_token (Basic realm="claviger") | 401 invalid_token (Bearer error="invalid_token")
NotFound: 400 invalid_request | 400 invalid_request | 400 invalid_request
SignatureReplayed: 400 invalid_request | 400 invalid_request | 400 invalid_request
(failed): 500 server_error | 500 server_error | 500 server_error
(late): 503 temporarily_unavailable (1 s)
"#);
}

#[test]
fn every_kind_has_its_row_in_the_dialect_of_aws() {
    insta::assert_snapshot!(table(&AWS, &[Face::Oidc, Face::Portal]), @r#"
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
SlowDown: 400 SlowDownException slow_down | 429 TooManyRequestsException (1 s)
TooManyRequests: 400 SlowDownException slow_down | 429 TooManyRequestsException (1 s)
Unavailable: 503 InternalServerException server_error (1 s) | 503 InternalServerException (1 s)
ExpiredToken: 400 ExpiredTokenException expired_token | 401 UnauthorizedException
InvalidToken: 400 InvalidRequestException invalid_request | 401 UnauthorizedException
NotFound: 400 InvalidRequestException invalid_request | 404 ResourceNotFoundException
SignatureReplayed: 403 InvalidSignatureException invalid_signature | 401 UnauthorizedException
(failed): 500 InternalServerException server_error | 500 InternalServerException
(late): 503 InternalServerException server_error (1 s) | 503 InternalServerException (1 s)
"#);
}

/// The tables go by the list: a kind that it lacks would have a row nowhere.
#[test]
fn the_list_of_kinds_is_whole() {
    let source = include_str!("../../engine/src/error.rs");
    let (_, source) = source.split_once("pub enum Kind {").expect("the kinds");
    let (source, _) = source.split_once("\n}").expect("their end");
    let written = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','));
    let listed = Kind::ALL.map(|kind| format!("{kind:?}"));
    assert!(written.eq(listed.iter()), "{listed:?}");
}

#[test]
fn lea_02_a_failure_tells_nothing_of_its_cause() {
    for refuse in STANDARD.into_iter().chain(AWS) {
        let answer = refuse(&failure());
        let body = String::from_utf8_lossy(answer.body());
        assert_eq!(answer.status(), 500, "{body}");
        assert!(
            !body.contains("SELECT") && !body.contains("store"),
            "{body}"
        );
    }
}

/// Those that keep the name of AWS are about what only AWS or an operator asks for.
#[test]
fn every_sentence_that_names_a_member_has_its_row() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sentences = Vec::new();
    for folder in ["src/oauth", "../engine/src"] {
        collect(&ours.join(folder), &mut sentences);
    }
    sentences.sort();
    sentences.dedup();
    let rows = sentences.into_iter().map(|sentence| {
        let error = Kind::InvalidRequest.because(sentence.leak()).into();
        let body: Value = serde_json::from_slice(standard::refuse(&error).body()).expect("JSON");
        body["error_description"]
            .as_str()
            .expect("a sentence")
            .to_owned()
    });
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r#"
Invalid client provided. clientId must be the ARN that `claviger admin machine create` shows.
This is no client id of this instance. Copy the whole clientId of RegisterClient, or name an application of the configuration.
code_verifier is missing. Send the one whose challenge /authorize was given.
code_verifier must be 43 to 128 letters, digits or any of -._~ (RFC 7636).
device_code is missing. Send the one of the device authorization.
grant_type is missing. Send authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:device_code, or another that you have been given.
grant_type must be authorization_code, refresh_token or urn:ietf:params:oauth:grant-type:device_code.
grant_type must be authorization_code, refresh_token, client_credentials, or urn:ietf:params:oauth:grant-type: and device_code, jwt-bearer or token-exchange.
grant_type must be authorization_code, refresh_token, urn:ietf:params:oauth:grant-type:jwt-bearer or urn:ietf:params:oauth:grant-type:token-exchange.
issuerUrl must be the start URL or issuer of this instance when authorization_code is registered.
redirect_uri is missing. Send the one that /authorize was given.
refresh_token is missing. Send the one of the last answer of this endpoint.
requested_token_type must be urn:ietf:params:oauth:token-type:access_token or urn:ietf:params:oauth:token-type:refresh_token.
startUrl is not the start URL of this instance. Check sso_start_url.
subject_token is missing. Send an access token of this application.
subject_token_type must be urn:ietf:params:oauth:token-type:access_token: no other token can be exchanged.
"#);
}

/// Adds the sentences in the sources of a folder that name something as AWS does: in `camelCase`.
fn collect(folder: &Path, sentences: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, sentences);
        } else if !path.ends_with("tests.rs") {
            let source = fs::read_to_string(&path).expect("a source");
            sentences.extend(literals(&source).filter(|text| is_about_a_member(text)));
        }
    }
}

/// The string literals of a source, tests and comments apart, with their lines joined.
fn literals(source: &str) -> impl Iterator<Item = String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim);
    let code: Vec<&str> = lines.filter(|line| !line.starts_with("//")).collect();
    let code = code
        .join("\n")
        .replace("\\\"", "'")
        .replace("'\"'", "")
        .replace("\\\n", "");
    let texts: Vec<String> = code
        .split('"')
        .skip(1)
        .step_by(2)
        .map(ToOwned::to_owned)
        .collect();
    texts.into_iter()
}

fn is_about_a_member(text: &str) -> bool {
    let is_camel = |word: &str| {
        let letters = word.bytes().zip(word.bytes().skip(1));
        let mut humps =
            letters.filter(|(one, next)| one.is_ascii_lowercase() && next.is_ascii_uppercase());
        humps.next().is_some()
    };
    text.ends_with('.') && text.contains(' ') && text.split(' ').any(is_camel)
}
