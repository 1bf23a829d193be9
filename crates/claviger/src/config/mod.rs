//! Configuration in two stages: the file as it is spelled, then settings that are typed, checked
//! and complete. Nothing below the binary sees the file.

pub(crate) mod duration;
pub(crate) mod raw;
pub(crate) mod settings;

/// The commented file that `claviger config example` prints; a test reads it back.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");
