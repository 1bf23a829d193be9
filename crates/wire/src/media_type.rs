//! Which dialect a request's content type chooses.

use http::{HeaderMap, header};

/// A dialect, chosen by content type and never guessed from the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, `application/x-amz-json-1.1`, or none at all (AWS CLI 2.0).
    Aws,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Anything else, anything encoded, or two answers at once: 415.
    Unsupported,
}

/// Reads `Content-Type` and `Content-Encoding`; media-type parameters are ignored.
pub fn of(headers: &HeaderMap) -> MediaType {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (first, second) = (types.next(), types.next());
    if encoded || second.is_some() {
        return MediaType::Unsupported;
    }
    let Some(first) = first else {
        return MediaType::Aws;
    };
    let essence = first
        .to_str()
        .unwrap_or("?")
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    match essence.to_ascii_lowercase().as_str() {
        "" | "application/json" | "application/x-amz-json-1.1" => MediaType::Aws,
        "application/x-www-form-urlencoded" => MediaType::Form,
        _ => MediaType::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn tok_07_htp_13_the_content_type_chooses_and_no_body_is_inflated() {
        let rows = [
            (vec![], MediaType::Aws),
            (vec![("content-type", "application/json")], MediaType::Aws),
            (
                vec![("content-type", "Application/JSON; charset=utf-8")],
                MediaType::Aws,
            ),
            (
                vec![("content-type", "application/x-amz-json-1.1")],
                MediaType::Aws,
            ),
            (
                vec![("content-type", "application/x-www-form-urlencoded")],
                MediaType::Form,
            ),
            (
                vec![("content-type", "multipart/form-data; boundary=x")],
                MediaType::Unsupported,
            ),
            (vec![("content-type", "text/plain")], MediaType::Unsupported),
            (vec![("content-encoding", "gzip")], MediaType::Unsupported),
            (vec![("content-encoding", "identity")], MediaType::Aws),
        ];
        for (headers, expected) in rows {
            let map = headers.iter().map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            assert_eq!(of(&map.collect()), expected, "{headers:?}");
        }
    }
}
