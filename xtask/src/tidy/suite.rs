//! The parts of the suites that are not Rust: no sleeping by the clock, no skipping there either.

use std::path::Path;

use super::finding::Finding;

/// What may not be written in a test, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("sleep", "wait for a condition"),
    ("setTimeout", "wait for a condition"),
    ("setInterval", "wait for a condition"),
    ("waitForTimeout", "wait for a condition"),
    ("skip(", "no test is skipped"),
    ("skipif", "no test is skipped"),
    ("skip:", "no test is skipped"),
    ("xfail", "no test is expected to fail"),
    ("fixme", "no test is expected to fail"),
];

/// Everything against a Python or JavaScript file of the suites.
pub(crate) fn check(path: &Path, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines().enumerate() {
        for (word, instead) in REFUSED {
            if line.contains(word) && !line.trim_start().starts_with(['#', '/', '*', '"']) {
                findings.push(Finding::at(
                    path,
                    number + 1,
                    format!("`{word}`: {instead}"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_and_a_skip_are_found() {
        let found = check(
            Path::new("x.py"),
            "from time import sleep as pause\n# No test may skip.\n@pytest.mark.skipif(x)\n",
        );
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "x.py:1: `sleep`: wait for a condition",
                "x.py:3: `skipif`: no test is skipped"
            ]
        );
    }
}
