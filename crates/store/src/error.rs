//! Why the store could not answer. "Not found" and "guard not met" are answers, not errors.

/// The one error type of this crate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was written; the same request may be sent again: full queue, full or read-only
    /// disk, no connection. Answered as 503.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The commit failed in a way that leaves open whether it will be there after a restart
    /// (RELIABILITY §2). Answered as 503; every operation may be repeated.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(String),
    /// A row that our own code cannot have written.
    #[error("table {table}, column {column}: {problem}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with the value; never the value itself.
        problem: String,
    },
    /// A statement that the database refuses to understand: a bug of ours.
    #[error("a statement failed: {0}")]
    Statement(String),
}
