//! API handlers: decode, call the engine, encode.

pub(crate) mod answer;
pub(crate) mod signed;
pub(crate) mod sso_oidc;
pub(crate) mod sso_portal;
pub(crate) mod web_identity;
