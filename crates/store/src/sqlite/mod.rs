//! The SQLite driver (RELIABILITY §3): WAL, synchronous=FULL, one writer thread with group commit.

mod private_file;
mod connection;
mod condition;
mod ballast;
mod witness;
mod lock;
mod open;
mod readers;
mod writer;
mod store;
mod departure;

pub use condition::Fatal;
pub use open::{Identity, OpenError, Opened, Options};
pub use store::SqliteStore;

#[cfg(test)]
mod tests;
