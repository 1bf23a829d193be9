//! docs/security-cases.md: which security case is proven by which test, from a run's own results.

mod catalogue;
pub(crate) mod results;
mod name;
mod page;
pub(crate) mod command;
