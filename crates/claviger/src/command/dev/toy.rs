//! The toy STS below `/_dev/sts`.

use claviger_sts::toy::ToySts;

/// The path that AWS clients are given for STS.
pub(super) const PATH: &str = "/_dev/sts";

/// The toy's answer, if the request is meant for it.
pub(super) fn answer(
    toy: &ToySts,
    parts: &http::request::Parts,
    body: &[u8],
) -> Option<http::Response<Vec<u8>>> {
    let ours = parts.uri.path().trim_end_matches('/') == PATH;
    ours.then(|| toy.answer(&parts.method, &parts.uri, &parts.headers, body))
}
