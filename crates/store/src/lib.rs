//! The only SQL of Claviger.
//!
//! Repositories are plain functions over one seam, the [`driver::Driver`]; each query is written
//! once. Nothing here decides: the engine brings `now`, ids and guards, and learns whether a
//! guarded plan was applied whole or not at all.

pub mod error;
pub mod value;
pub mod rolled_back;
pub mod statement;
pub mod driver;
mod table;
pub mod migrate;
pub mod sqlite;
pub mod postgres;
pub mod copy;
pub mod repository;
