//! Pages: what people see. They ask the engine and render; they never decide.
//!
//! Rendered on the server; everything works without script, which only copies text and counts
//! minutes down.

mod asset;
mod own_path;
mod words;
mod frame;
pub(crate) mod error;
mod less;
mod visit;
mod way_back;
mod sign_in;
mod sign_out;
mod start;
mod credentials;
mod device;
mod authorize;
mod sessions;
pub(crate) mod routes;
