//! Errors in the words of this dialect, and what its decoders make of what they are sent. The error table is in `table`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_engine::error::{Error, Kind};
use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

use super::{client, device, error, form, introspect, register, token};

#[test]
fn an_error_is_sent_whole() {
    let refused = Kind::InvalidClient.because("").detail("secret detail");
    let answer = error::refuse(&refused.into());
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(answer.body());
    insta::assert_snapshot!(format!("{}\n\n{body}", headers.join("\n")), @r#"
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
www-authenticate: Basic realm="claviger"
x-content-type-options: nosniff

{"error":"invalid_client","error_description":"The client is not known, has ended, or has not shown that it is itself. Register it again, or ask the operator."}
"#);
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
