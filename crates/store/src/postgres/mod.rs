//! The PostgreSQL driver.
//!
//! What the SQL of this crate keeps to, so that CockroachDB, YugabyteDB and Citus take it as well:
//! READ COMMITTED; every hot statement names one row by its primary key; a change is one guarded UPDATE
//! or INSERT … ON CONFLICT, and never SELECT … FOR UPDATE; no sequence, trigger, function, foreign
//! key, advisory lock, LISTEN, temporary table or large object; only the types BIGINT, TEXT and BYTEA;
//! times and chance come from the caller.

mod error;
pub mod address;
mod condition;
mod value;
mod many;
mod connection;
mod applying;
mod open;
mod opener;
mod attempts;
mod pool;
mod gather;
mod reads;
mod writes;
mod store;
mod arrival;

pub(crate) use arrival::Arrival;
pub use condition::Lineage;
pub use open::OpenError;
pub use store::PostgresStore;
