//! The checks of the dialect of AWS IAM Identity Center, by what they look at.

pub(crate) mod server;
mod issued;
mod start;
mod register;
mod http;
mod device;
mod token;
mod refresh;
mod portal;
mod authorize;

use self::server::Server;
use crate::check::Trial;

/// All of them, in the order in which they are made.
pub(crate) fn trials() -> impl Iterator<Item = &'static Trial<Server>> {
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
