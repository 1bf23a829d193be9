//! Every mutation of the way.

mod change;
mod registration;
mod browser;
mod grants;
mod tokens;

use super::mutation::Mutation;

/// All of them, by the checks that they turn red.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutation> {
    let all = [
        registration::METADATA,
        registration::REGISTER,
        browser::AUTHORIZE,
        grants::TOKEN,
        grants::CODE,
        grants::DEVICE,
        grants::REFRESH,
        tokens::OPENID,
        tokens::INTROSPECT,
        tokens::REVOKE,
    ];
    all.into_iter().flatten()
}
