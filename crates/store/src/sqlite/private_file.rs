//! Files that only their owner may read.

use std::{fs::File, io, path::Path};

/// Makes a file that is not there yet.
pub(super) fn new_private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
