//! Where the repository is.

use std::path::{Path, PathBuf};

/// The root of the workspace, known since this program was built.
pub(crate) fn path() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// A path below the root.
pub(crate) fn join(below: &str) -> PathBuf {
    path().join(below)
}

/// How a path reads in a message: relative to the root where it lies below it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(self::path())
        .unwrap_or(path)
        .display()
        .to_string()
}
