//! Changes that several mutations make.

use crate::altered::{asked::Asked, memory::Memory, told::Told};

/// Where the checks wait for their codes.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:49152/oauth/callback";

pub(super) fn is_metadata(asked: &Asked) -> bool {
    asked.path.starts_with("/.well-known/")
}

/// Whose credential it is that asks, whoever says so.
pub(super) fn as_owner(memory: &Memory, asked: &mut Asked, name: &str) {
    if let Some(credential) = asked.field(name).map(ToOwned::to_owned) {
        memory.as_its_own(asked, &credential);
    }
}

/// Another error in the place of this one.
pub(super) fn another_error(told: &mut Told, error: &str) {
    if told.is_error(error) {
        told.set("error", "server_error");
    }
}
