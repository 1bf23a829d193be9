//! A store that has gone back in time, until somebody accepts it (R12).

use crate::statement::Statement;

/// The statement that ends the reports: an operator knows, and has decided what to do.
pub fn accepting() -> Statement {
    Statement::any("DELETE FROM meta WHERE name = 'rolled_back'")
}
