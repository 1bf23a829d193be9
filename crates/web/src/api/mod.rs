//! API handlers: decode, call the engine, encode.

pub(crate) mod answer;
pub(crate) mod call;
mod id_token;
pub(crate) mod oauth;
mod signed;
mod sso_oidc;
mod sso_portal;
pub(crate) mod operation;
pub(crate) mod web_identity;
