//! What may be presented once only: signatures, assertions.

use claviger_model::time::Timestamp;

use crate::statement::Statement;

/// The statement that remembers that `digest` was presented; it touches no row when it was
/// presented before, and so refuses its plan.
pub fn remembering(digest: &[u8; 32], until: Timestamp) -> Statement {
    Statement::one(
        "INSERT INTO replay (digest, exp) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING",
    )
    .bind(digest)
    .bind(until)
}
