//! The secret scanner (LEA-01): looks for many secrets in one text, in every spelling that a log
//! could give them.

use std::collections::HashMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use claviger_model::hex::Hex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Secrets are found by their first bytes, then compared whole.
const WINDOW: usize = 8;

/// Tests make up shorter ones.
const SHORTEST_TOKEN: usize = 32;

/// A secret that turned up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// The secret.
    pub secret: String,
    /// How it was spelled.
    pub spelling: String,
    /// Some text around it.
    pub around: String,
}

/// Every one of `secrets` that `text` holds, in any spelling.
pub fn find(secrets: &[String], text: &str) -> Vec<Find> {
    let mut needles: HashMap<&[u8], Vec<(&str, &str)>> = HashMap::new();
    let spelled: Vec<(&str, String)> = secrets
        .iter()
        .flat_map(|secret| {
            spellings(secret)
                .into_iter()
                .map(|spelling| (secret.as_str(), spelling))
        })
        .collect();
    for (secret, spelling) in &spelled {
        if let Some(head) = spelling.as_bytes().get(..WINDOW) {
            needles.entry(head).or_default().push((secret, spelling));
        }
    }
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (at, window) in bytes.windows(WINDOW).enumerate() {
        for (secret, spelling) in needles.get(window).into_iter().flatten() {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.starts_with(spelling.as_bytes()) {
                let from = at.saturating_sub(80);
                let around = bytes
                    .get(from..(at + 120).min(bytes.len()))
                    .unwrap_or_default();
                found.push(Find {
                    secret: (*secret).to_owned(),
                    spelling: (*spelling).to_owned(),
                    around: String::from_utf8_lossy(around).into_owned(),
                });
            }
        }
    }
    found
}

/// Every secret that Claviger made and `text` holds, whoever received it: all of them begin with a
/// kind such as `cva1.`, which `-` ends in place of the dot where a URL is to hold it. A client id,
/// `cvc1.`, is none.
pub fn tokens(text: &str) -> Vec<Find> {
    let bytes = text.as_bytes();
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let heads = bytes.windows(5).enumerate().filter(|(_, head)| {
        matches!(head, [b'c', b'v', kind, b'1', b'.' | b'-'] if kind.is_ascii_lowercase() && *kind != b'c')
    });
    heads
        .filter_map(|(at, _)| {
            let body = bytes.get(at + 5..)?;
            let length = body.iter().take_while(|byte| is_of_token(byte)).count();
            let whole = text.get(at..at + 5 + length)?;
            (length >= SHORTEST_TOKEN).then(|| Find {
                secret: whole.to_owned(),
                spelling: whole.to_owned(),
                around: text
                    .get(at.saturating_sub(80)..at)
                    .unwrap_or_default()
                    .to_owned(),
            })
        })
        .collect()
}

/// The secret as it is, percent-encoded in three ways, in base64 of both alphabets, in hexadecimal
/// and as Rust's `Debug` shows bytes. A user code also without its hyphen.
fn spellings(secret: &str) -> Vec<String> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let mut spellings = vec![
        secret.to_owned(),
        percent.replace("%20", "+"),
        utf8_percent_encode(secret, RESERVED).to_string(),
        secret.replace('-', ""),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex(secret.as_bytes()),
        secret
            .bytes()
            .map(|byte| byte.to_string())
            .collect::<Vec<_>>()
            .join(", "),
        percent,
    ];
    spellings.sort();
    spellings.dedup();
    spellings
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lea_01_a_planted_secret_is_found_in_every_spelling() {
        let secrets = ["cvr1.Zm9v/bar+baz==".to_owned(), "correct horse".to_owned()];
        for text in [
            "x cvr1.Zm9v/bar+baz== y",
            "token=cvr1%2EZm9v%2Fbar%2Bbaz%3D%3D",
            "token=cvr1.Zm9v%2Fbar%2Bbaz%3D%3D",
            "Y3ZyMS5abTl2L2JhcitiYXo9PQ==",
            "form: password=correct+horse&",
            "form: password=correct%20horse&",
            "636f727265637420686f727365",
            "[99, 111, 114, 114, 101, 99, 116, 32, 104, 111, 114, 115, 101]",
        ] {
            assert!(!find(&secrets, text).is_empty(), "{text}");
        }
        assert!(find(&secrets, "cvr1.Zm9v/bar and a correct house").is_empty());
    }
    #[test]
    fn lea_01_a_planted_token_is_found_whoever_received_it() {
        let token = "cva1.AVYI_ANAmzr75Vajnh1yvuwAAAACI0DO8ZNyk5w-x";
        let found = tokens(&format!("GET /x?token={token}&y"));
        assert!(
            matches!(found.as_slice(), [find] if find.secret == token),
            "{found:?}"
        );
        let code = token.replace("cva1.", "cvz1-");
        assert_eq!(tokens(&code).len(), 1);
        let client_id = token.replace("cva1.", "cvc1.");
        assert_eq!(tokens(&format!("{client_id} cva1.made-up")), []);
    }
}
