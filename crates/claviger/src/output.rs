//! Standard output: data only. Everything else goes to standard error.

use std::io::{self, Write as _};

/// Writes a line of data. A reader that hung up is no error of ours.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line for a person who watches.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
