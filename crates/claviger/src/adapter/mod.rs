//! The ports' adapters to the world.

pub(crate) mod clock;
pub(crate) mod entropy;
pub(crate) mod hasher;
pub(crate) mod key_file;
pub(crate) mod web_identity;
