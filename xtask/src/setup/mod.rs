//! What the tests need besides the Rust toolchain: looked for, and installed where that is allowed.

mod need;
mod debian;
mod python;
mod npm;
pub(crate) mod command;
