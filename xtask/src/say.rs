//! Where the chores speak: results to stdout, trouble to stderr.

/// One line of result.
#[expect(
    clippy::print_stdout,
    reason = "a chore talks to the person who runs it"
)]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// One line of trouble.
#[expect(
    clippy::print_stderr,
    reason = "a chore talks to the person who runs it"
)]
pub(crate) fn trouble(text: &str) {
    eprintln!("{text}");
}
