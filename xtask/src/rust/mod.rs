//! Reading Rust well enough for tidy: comments, tokens, modules. No syntax tree.

pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod path;
pub(crate) mod module;
