//! The commands, one room each.

pub(crate) mod admin;
pub(crate) mod running;
pub(crate) mod init;
pub(crate) mod serve;
pub(crate) mod oidc;
pub(crate) mod dev;
pub(crate) mod conformance;
