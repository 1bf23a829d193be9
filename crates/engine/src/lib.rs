//! The use cases of Claviger: may that client, person, grant do that, now?
//!
//! Async but runtime-free; I/O happens only in the store and behind the ports. No HTTP, no JSON,
//! no SQL: dialects decode into these values and encode out of them. Modules are declared ground
//! floor first; a module uses only those above it.

pub mod error;
pub mod policy;
pub mod links;
pub mod keys;
pub mod token;
pub mod throttle;
pub mod context;
pub mod audit;
pub mod application;
pub mod client;
pub mod web_session;
pub mod sign_in;
pub mod confinement;
pub mod device;
mod redirection;
pub mod prompt;
pub mod authorize;
pub mod consent;
pub mod issued;
pub mod session;
mod bearer;
pub mod introspect;
pub mod revoke;
pub mod claims;
pub mod grant;
pub mod portal;
pub mod person;
pub mod admin;
pub mod sweep;
