//! What the checked server asks a person, and where it sends them.

use url::Url;

use crate::flaw::{Checked, Flaw};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Approve,
    Deny,
}

/// An address of the server that is no address at all.
pub(crate) fn address(text: &str) -> Checked<Url> {
    text.parse()
        .map_err(|_| Flaw::Wrong(format!("{text:?} is no URL")))
}
