//! The standard dialect: OAuth 2.0 (RFC 6749 and its family). Forms in, snake_case JSON out.

pub mod error;
pub mod form;
pub mod client;
pub mod token;
pub mod device;
pub mod register;
pub mod introspect;
pub mod revoke;
pub mod userinfo;
pub mod metadata;

#[cfg(test)]
mod tests;
