//! What the operator does: directory, people, sessions, clients, keys, audit.

pub mod wanted;
pub mod difference;
pub mod directory;
pub mod user;
pub mod session;
pub mod client;
pub mod machine;
pub mod keys;
pub mod audit;
pub mod rollback;
pub mod reset;
