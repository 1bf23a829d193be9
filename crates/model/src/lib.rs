//! Values, state machines, judgements and ports of Claviger.
//!
//! This crate does no I/O, knows no async runtime and derives no serialization: what is on a wire
//! or on a disk is described by `claviger-wire` and `claviger-store`. Modules are declared ground
//! floor first; a module uses only those above it.

pub mod time;
pub mod secret;
pub mod hex;
pub mod id;
pub mod network;
pub mod scope;
pub mod pkce;
pub mod redirect_uri;
pub mod client;
pub mod user_code;
pub mod directory;
pub mod application;
pub mod access;
pub mod credentials;
pub mod rotation;
pub mod session;
pub mod grant;
pub mod audit;
pub mod port;
