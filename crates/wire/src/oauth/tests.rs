//! The error table of this dialect, whole; and what its decoders make of what they are sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_engine::error::{Error, Failure, Kind};
use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::{client, device, error, form, introspect, register, token};

#[test]
fn every_kind_has_its_row() {
    let rows = Kind::ALL.map(|kind| {
        let code = error::code_of(kind);
        format!("{kind:?}: {} {}", code.status, code.error)
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    InvalidRequest: 400 invalid_request
    InvalidClient: 401 invalid_client
    InvalidClientMetadata: 400 invalid_client_metadata
    InvalidRedirectUri: 400 invalid_redirect_uri
    InvalidGrant: 400 invalid_grant
    InvalidScope: 400 invalid_scope
    UnauthorizedClient: 400 unauthorized_client
    UnsupportedGrantType: 400 unsupported_grant_type
    AccessDenied: 400 access_denied
    AuthorizationPending: 400 authorization_pending
    SlowDown: 400 slow_down
    TooManyRequests: 429 slow_down
    Unavailable: 503 temporarily_unavailable
    ExpiredToken: 400 expired_token
    InvalidToken: 401 invalid_token
    NotFound: 400 invalid_request
    SignatureReplayed: 400 invalid_request
    ");
}

#[test]
fn a_failure_tells_nothing_of_its_cause() {
    let failure = Failure {
        doing: "using the store",
        source: "secret cause".into(),
    };
    let answer = error::refuse(&failure.into());
    let body = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), 500);
    assert!(body.contains("server_error"), "{body}");
    assert!(
        !body.contains("secret") && !body.contains("store"),
        "{body}"
    );
}

#[test]
fn sentences_are_in_the_words_of_the_rfcs() {
    let told = |kind: Kind, because| {
        let answer = error::refuse(&kind.because(because).into());
        String::from_utf8_lossy(answer.body()).into_owned()
    };
    let missing = "codeVerifier is missing. Send the one whose challenge /authorize was given.";
    insta::assert_snapshot!(told(Kind::InvalidRequest, missing), @r#"{"error":"invalid_request","error_description":"code_verifier is missing. Send the one whose challenge /authorize was given."}"#);
    let several = "redirectUri or deviceCode is missing. Send the one of StartDeviceAuthorization.";
    insta::assert_snapshot!(told(Kind::InvalidRequest, several), @r#"{"error":"invalid_request","error_description":"redirect_uri or device_code is missing. Send the one of the device authorization."}"#);
    let aws = "Register again: for the AWS CLI, run `aws sso logout`.";
    assert!(!told(Kind::InvalidClient, aws).contains("AWS"));
}

fn with(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(authorization).expect("a header");
    headers.insert(header::AUTHORIZATION, value);
    headers
}

fn basic(pair: &str) -> HeaderMap {
    with(&format!("Basic {}", STANDARD.encode(pair)))
}

fn credentials(headers: &HeaderMap, body: &str) -> Result<(String, Option<String>), Error> {
    let form = form::read(body.as_bytes())?;
    let credentials = client::credentials(headers, &form)?;
    let secret = credentials
        .client_secret
        .map(|secret| secret.reveal().to_owned());
    Ok((credentials.client_id, secret))
}

#[test]
fn basic_credentials_are_encoded_as_a_form_is() {
    let own = |pair: &str| credentials(&basic(pair), "").expect("credentials");
    assert_eq!(
        own("a%20b:c%3Ad+e"),
        ("a b".to_owned(), Some("c:d e".to_owned()))
    );
    assert_eq!(own("a:b:c"), ("a".to_owned(), Some("b:c".to_owned())));
    assert_eq!(own("a:"), ("a".to_owned(), None));
    let lower = with(&format!("basic {}", STANDARD.encode("a:b")));
    assert!(credentials(&lower, "").is_ok());
}

#[test]
fn a_parameter_that_is_too_long_is_refused() {
    let long = format!(
        "client_id=x&grant_type=refresh_token&refresh_token={}",
        "a".repeat(4097)
    );
    assert!(token::decode(&HeaderMap::new(), long.as_bytes()).is_err());
}

#[test]
fn htp_02_a_form_has_so_many_parameters() {
    let wide = |count: usize| {
        let more: Vec<String> = (1..count).map(|number| format!("p{number}=1")).collect();
        format!("client_id=x&{}", more.join("&"))
    };
    assert!(form::read(wide(64).as_bytes()).is_ok());
    assert!(form::read(wide(65).as_bytes()).is_err());
}

#[test]
fn unknown_parameters_are_left_aside_and_empty_ones_are_absent() {
    let body = "client_id=x&client_secret=&grant_type=refresh_token&code=&resource=y&scope=a++b";
    let request = token::decode(&HeaderMap::new(), body.as_bytes()).expect("a request");
    assert!(request.code.is_none());
    assert_eq!(request.scope, ["a", "b"]);
    assert_eq!(request.caller.client_id(), "x");
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        authorization in "(Basic |basic )?[A-Za-z0-9+/=]{0,40}",
        body in prop_oneof![
            any::<Vec<u8>>(),
            "((client_id|client_secret|grant_type|token|scope)=[ -~]{0,9}&?){0,6}"
                .prop_map(String::into_bytes),
        ],
    ) {
        for headers in [HeaderMap::new(), with(&authorization)] {
            let _ = token::decode(&headers, &body);
            let _ = device::decode(&headers, &body);
            let _ = introspect::decode(&headers, &body);
        }
        let _ = register::decode(&body);
    }
}
