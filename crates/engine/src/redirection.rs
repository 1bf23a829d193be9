//! The way back to a client (RFC 6749 §4.1.2, RFC 9207): always `query`, always with `iss`.

use claviger_model::{redirect_uri::RedirectUri, secret::Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where to send the browser back to.
#[derive(Clone, Debug)]
pub struct Redirection {
    /// The whole `Location`.
    pub location: Secret,
    /// Its validated target.
    pub redirect_uri: RedirectUri,
}

/// Everything but the unreserved characters of RFC 3986 §2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Back with a code.
pub(crate) fn success(
    issuer: &str,
    redirect_uri: &RedirectUri,
    state: Option<&str>,
    code: &Secret,
) -> Redirection {
    to(
        redirect_uri,
        &[
            ("code", Some(code.reveal())),
            ("state", state),
            ("iss", Some(issuer)),
        ],
    )
}

/// Back with an error; both error members, since one client shows nothing otherwise (WIRE §4.2).
pub(crate) fn failure(
    issuer: &str,
    redirect_uri: &RedirectUri,
    state: Option<&str>,
    error: &str,
    description: &str,
) -> Redirection {
    to(
        redirect_uri,
        &[
            ("error", Some(error)),
            ("error_description", Some(description)),
            ("state", state),
            ("iss", Some(issuer)),
        ],
    )
}

fn to(redirect_uri: &RedirectUri, parameters: &[(&str, Option<&str>)]) -> Redirection {
    let mut location = redirect_uri.as_str().to_owned();
    let present = parameters
        .iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)));
    for (position, (name, value)) in present.enumerate() {
        location.push(if position == 0 { '?' } else { '&' });
        location.push_str(name);
        location.push('=');
        location.extend(utf8_percent_encode(value, ESCAPED));
    }
    Redirection {
        location: Secret::new(location),
        redirect_uri: redirect_uri.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aut_15_state_comes_back_encoded_once_and_breaks_no_header() {
        let uri = RedirectUri::parse("http://127.0.0.1:81/cb").expect("uri");
        let back = failure(
            "https://sso.example.org",
            &uri,
            Some("a\r\n\"<&+%2B"),
            "access_denied",
            "no",
        );
        assert_eq!(
            back.location.reveal(),
            "http://127.0.0.1:81/cb?error=access_denied&error_description=no\
             &state=a%0D%0A%22%3C%26%2B%252B&iss=https%3A%2F%2Fsso.example.org"
        );
    }
}
