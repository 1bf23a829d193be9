//! What the directory file uses of the binary's configuration.

#[path = "../../../crates/claviger/src/config/duration.rs"]
pub(crate) mod duration;
#[path = "../../../crates/claviger/src/config/raw.rs"]
pub(crate) mod raw;
