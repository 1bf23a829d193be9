//! A call of the API, as handlers see it.

use bytes::Bytes;
use claviger_model::network::Requester;
use http::{HeaderMap, Method, Uri};

use crate::{activity::Activity, app::App};

/// A call as it came in.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) requester: &'a Requester,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    /// What whoever watches will be told, if anybody does.
    pub(crate) seen: Option<&'a mut Activity>,
}

impl Call<'_> {
    /// Tells whoever watches; costs nothing where nobody does.
    pub(super) fn tell(&mut self, what: impl FnOnce(&mut Activity, &App)) {
        if let Some(seen) = &mut self.seen {
            what(seen, self.app);
        }
    }
}
