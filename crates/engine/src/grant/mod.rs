//! The token endpoint (RFC 6749 §3.2; AWS CreateToken): one pipeline, one file per grant.

pub mod request;
mod step;
mod device_code;
pub mod authorization_code;
pub mod refresh_token;
pub mod jwt_bearer;
mod lending;
pub mod workload;
mod client_credentials;
pub mod token_exchange;
pub mod pipeline;
