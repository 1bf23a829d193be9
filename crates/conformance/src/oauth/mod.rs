//! The checks of the standard dialect, by what they look at.

mod documents;
mod client;
pub(crate) mod provider;
mod keys;
mod metadata;
mod register;
mod authorize;
mod token;
mod code;
mod device;
mod refresh;
mod openid;
mod introspect;
mod revoke;

use self::provider::Provider;
use crate::check::Trial;

/// All of them, in the order in which they are made.
pub(crate) fn trials() -> impl Iterator<Item = &'static Trial<Provider>> {
    let all = [
        metadata::CHECKS,
        register::CHECKS,
        authorize::CHECKS,
        token::CHECKS,
        code::CHECKS,
        device::CHECKS,
        refresh::CHECKS,
        openid::CHECKS,
        introspect::CHECKS,
        revoke::CHECKS,
    ];
    all.into_iter().flatten()
}
