//! What no compiler checks: arrows between modules and crates, licences, the state of files.

mod finding;
mod arrow;
mod file;
mod suite;
mod wall;
mod licence;
mod duplicate;
pub(crate) mod command;
