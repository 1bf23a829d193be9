//! What clients send in either dialect, and how a check changes it.

use serde_json::Value;
use url::Url;

pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";

/// A state as clients never make it, but as the RFC allows: it must come back byte for byte.
pub(crate) const STATE: &str = "A-b_c.d~e%2Bf+g/h=i&j k";

/// Parameters of an address or of a form, in their order.
pub(crate) type Query = Vec<(&'static str, String)>;

/// A query in which a parameter has another value.
pub(crate) fn replace(mut query: Query, name: &str, value: &str) -> Query {
    for (_, own) in query.iter_mut().filter(|(own, _)| *own == name) {
        value.clone_into(own);
    }
    query
}

/// A query without a parameter.
pub(crate) fn without(mut query: Query, name: &str) -> Query {
    query.retain(|(own, _)| *own != name);
    query
}

/// A parameter of a URL's query.
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// Adds the members of `more`, or puts them in the place of their namesakes.
pub(crate) fn merge(body: &mut Value, more: Value) {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
}

/// The same with its middle character changed: the last one may hold bits that nobody reads.
pub(crate) fn garbled(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let other = |c| if c == 'A' { 'B' } else { 'A' };
    let changed = text.chars().enumerate();
    changed
        .map(|(place, c)| if place == middle { other(c) } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_garbled_is_another_text_of_the_same_length() {
        for text in ["cvc1.AAAAAAAA", "x", "AB", "cvs1.xxxxxxxxx"] {
            let other = garbled(text);
            assert_ne!(other, text);
            assert_eq!(other.len(), text.len());
        }
    }

    #[test]
    fn the_state_survives_a_url() {
        let url = Url::parse_with_params("http://127.0.0.1/", [("state", STATE)]).expect("a URL");
        assert_eq!(parameter(&url, "state").as_deref(), Some(STATE));
    }
}
