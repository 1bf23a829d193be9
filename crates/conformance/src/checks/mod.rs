//! The checks, by what they look at.

mod issued;
mod start;
mod register;
mod http;
mod device;
mod token;
mod refresh;
mod portal;
mod authorize;

use crate::check::Check;

/// Every check there is, in the order in which they are made.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    let all = [
        start::CHECKS,
        register::CHECKS,
        http::CHECKS,
        device::CHECKS,
        token::CHECKS,
        refresh::CHECKS,
        portal::CHECKS,
        authorize::CHECKS,
    ];
    all.into_iter().flatten()
}
