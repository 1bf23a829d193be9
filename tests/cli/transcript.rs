//! Commands with all they said, as one text to compare; the one list of what is volatile.

use claviger_tests::{child, room::Room};

/// What differs from run to run, and what stands for it.
const FILTERS: [(&str, &str); 16] = [
    (r"claviger-dev-[0-9a-f]{8}", "claviger-dev-[SESSION]"),
    (r"(/[^\s'/]+)*/room-[A-Za-z0-9]+", "[ROOM]"),
    (r"claviger-dev-[A-Za-z0-9]{6}\b", "claviger-dev-[DIR]"),
    (
        r"claviger \d+\.\d+\.\d+ \([0-9a-f]{12}\)",
        "claviger [VERSION] ([COMMIT])",
    ),
    (
        r"claviger \d+\.\d+\.\d+ \(unknown commit\)",
        "claviger [VERSION] ([COMMIT])",
    ),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[UUID]"),
    (r"\b[0-9a-f]{32}\b", "[ID]"),
    (r"\bcv[a-z]\d\.[A-Za-z0-9._-]{16,}", "[TOKEN]"),
    (r"(127\.0\.0\.1|localhost):\d{5}\b", "$1:[PORT]"),
    (r"d-[0-9a-f]{10}\b", "[DIRECTORY]"),
    (r"\bCVMK[A-Z2-7]{16}\b", "[KEY]"),
    (
        r"ssoins-[0-9a-f]{16}/apl-[0-9a-f]{16}",
        "[INSTANCE]/[APPLICATION]",
    ),
    (r"secret access key  \S{40}", "secret access key  [SECRET]"),
    (r"kek-[0-9a-f]{12}\b", "[KEK]"),
    (r#""expiresIn": \d+"#, r#""expiresIn": [SECONDS]"#),
];

/// Compares with a snapshot, volatile parts filtered.
macro_rules! assert_transcript {
    ($text:expr) => {
        crate::transcript::filtered(|| insta::assert_snapshot!($text))
    };
    ($name:expr, $text:expr) => {
        crate::transcript::filtered(|| insta::assert_snapshot!($name, $text))
    };
}
pub(crate) use assert_transcript;

/// Runs `compare` with the filters in force.
pub(crate) fn filtered(compare: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, stands_for) in FILTERS {
        settings.add_filter(pattern, stands_for);
    }
    settings.bind(compare);
}

/// `$ claviger …`, how it ended and what it said.
pub(crate) fn run(room: &Room, arguments: &[&str]) -> String {
    show(arguments, &room.run(arguments))
}

/// A command and how it ended.
pub(crate) fn show(arguments: &[&str], ended: &child::Ended) -> String {
    format!("$ claviger {}\n{ended}", arguments.join(" "))
}
