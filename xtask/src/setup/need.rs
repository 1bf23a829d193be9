//! Something the tests need, and what to do when it is missing.

/// One thing that is missing.
#[derive(Debug)]
pub(crate) struct Missing {
    /// What it is and what it is for.
    pub(crate) what: String,
    /// How a person installs it.
    pub(crate) remedy: String,
}
