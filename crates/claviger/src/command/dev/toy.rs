//! The toy STS below `/_dev/sts`.

use std::sync::Arc;

use claviger_sts::toy::ToySts;
use claviger_web::app::Mounted;

/// The path that AWS clients are given for STS.
pub(super) const PATH: &str = "/_dev/sts";

/// The toy STS as a route of the web server.
pub(crate) struct MountedToy(pub(super) Arc<ToySts>);

impl Mounted for MountedToy {
    fn answer(&self, parts: &http::request::Parts, body: &[u8]) -> Option<http::Response<Vec<u8>>> {
        let ours = parts.uri.path().trim_end_matches('/') == PATH;
        ours.then(|| {
            self.0
                .answer(&parts.method, &parts.uri, &parts.headers, body)
        })
    }
}
