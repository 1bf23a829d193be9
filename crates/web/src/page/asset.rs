//! Style sheet, script and icon: inside the binary, under names that change with their content.

use axum::{body::Body, extract::Path};
use http::{HeaderValue, Response, StatusCode, header};

/// A file that pages load.
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
    hash: u64,
}

/// How the pages look.
pub(crate) const STYLE: Asset = Asset::new(
    "style.css",
    "text/css; charset=utf-8",
    include_bytes!("assets/style.css"),
);

/// Copies text and counts down.
pub(crate) const SCRIPT: Asset = Asset::new(
    "page.js",
    "text/javascript; charset=utf-8",
    include_bytes!("assets/page.js"),
);

/// The key.
pub(crate) const ICON: Asset = Asset::new(
    "icon.svg",
    "image/svg+xml",
    include_bytes!("assets/icon.svg"),
);

impl Asset {
    const fn new(name: &'static str, media_type: &'static str, content: &'static [u8]) -> Self {
        Self {
            name,
            media_type,
            content,
            hash: fnv_1a(content),
        }
    }

    /// Where a page finds it.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{:016x}/{}", self.hash, self.name)
    }
}

/// Tells versions of our own files apart; nobody chooses them to collide.
const fn fnv_1a(content: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = content;
    while let Some((byte, after)) = rest.split_first() {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = after;
    }
    hash
}

/// The asset of that very content, for a year; anything else is not there.
pub(crate) async fn serve(Path((hash, name)): Path<(String, String)>) -> Response<Body> {
    let found = [STYLE, SCRIPT, ICON]
        .into_iter()
        .find(|asset| asset.name == name && format!("{:016x}", asset.hash) == hash);
    let Some(asset) = found else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(asset.content));
    for (name, value) in [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // An SVG opened by itself is a document: it may do nothing.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_name() {
        assert_ne!(fnv_1a(b"a"), fnv_1a(b"b"));
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert!(STYLE.path().starts_with("/assets/") && STYLE.path().ends_with("/style.css"));
    }
}
