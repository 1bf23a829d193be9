//! `claviger admin`: directory, people, sessions, clients, keys, audit, backup.
//!
//! One process owns the store. While `serve` or `dev` runs, a command goes to it over a socket in
//! the data directory; otherwise it opens the store itself. Both ways run the same code.

pub(crate) mod request;
pub(crate) mod execute;
pub(crate) mod socket;
pub(crate) mod render;
pub(crate) mod moving;
pub(crate) mod cli;
