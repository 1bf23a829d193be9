//! What the engine asks of the world. The binary plugs the adapters in.

pub mod future;
pub mod clock;
pub mod entropy;
pub mod hasher;
pub mod credential_source;
pub mod web_identity;
pub mod issuers;
