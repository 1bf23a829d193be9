//! Strict reading of query strings and forms: each parameter once, valid UTF-8, no NUL.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use claviger_engine::error::{Kind, Refusal};

/// Decoded parameters by name; passwords and tokens are among them.
#[derive(Clone, Default)]
pub struct Parameters(BTreeMap<String, String>);

/// Names alone (LEA-06).
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text (`+` is a space, WIRE §2.1).
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let (parameters, repeated) = Self::read_lenient(text)?;
        if repeated.is_empty() {
            Ok(parameters)
        } else {
            Err(malformed("a parameter is given twice"))
        }
    }

    /// Reads like [`Parameters::read`], but a repeated parameter is left out and named instead of
    /// refused: `/authorize` has its own answer to it.
    pub fn read_lenient(text: &str) -> Result<(Self, BTreeSet<String>), Refusal> {
        let mut parameters = BTreeMap::new();
        let mut repeated = BTreeSet::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.contains_key(&name) || repeated.contains(&name) {
                parameters.remove(&name);
                repeated.insert(name);
            } else {
                parameters.insert(name, value);
            }
        }
        Ok((Self(parameters), repeated))
    }

    /// A parameter; an empty one is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Decodes one name or value.
pub(crate) fn decode(text: &str) -> Result<String, Refusal> {
    let broken = text.split('%').skip(1).any(|after| {
        after.len() < 2 || !after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
    });
    let spaced = text.replace('+', " ");
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(&spaced).collect();
    match String::from_utf8(bytes) {
        Ok(decoded) if !broken && !decoded.contains('\0') => Ok(decoded),
        _ => Err(malformed("a parameter is not valid percent-encoded UTF-8")),
    }
}

fn malformed(detail: &str) -> Refusal {
    Kind::InvalidRequest
        .because("The parameters must be percent-encoded UTF-8, each given once.")
        .detail(detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plus_and_percent_twenty_are_both_spaces() {
        let parameters = Parameters::read("a=x+y&b=x%20y&c=%2B&d=").expect("parameters");
        assert_eq!(parameters.get("a"), Some("x y"));
        assert_eq!(parameters.get("b"), Some("x y"));
        assert_eq!(parameters.get("c"), Some("+"));
        assert_eq!(parameters.get("d"), None);
    }

    #[test]
    fn repeated_broken_and_nul_parameters_are_refused() {
        for text in ["a=1&a=2", "a=%", "a=%f", "a=%zz", "a=%ff", "a=%00", "a&a"] {
            assert!(Parameters::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Parameters::read(&text);
        }

        #[test]
        fn what_was_encoded_comes_back(value in "[^\0]{1,40}") {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let parameters = Parameters::read(&format!("v={encoded}")).expect("parameters");
            prop_assert_eq!(parameters.get("v"), Some(value.as_str()));
        }
    }
}
