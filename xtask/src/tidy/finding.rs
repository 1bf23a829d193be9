//! What tidy has to say against the tree.

use std::fmt;
use std::path::Path;

use crate::root;

/// One complaint: where, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    place: String,
    line: usize,
    says: String,
}

impl Finding {
    /// Against a line of a file; line 0 is the file as a whole.
    pub(crate) fn at(file: &Path, line: usize, says: impl Into<String>) -> Self {
        Self {
            place: root::shown(file),
            line,
            says: says.into(),
        }
    }

    /// Against something that has no line: a package, a list in tidy itself.
    pub(crate) fn of(place: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            line: 0,
            says: says.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.place, self.says),
            line => write!(f, "{}:{line}: {}", self.place, self.says),
        }
    }
}
