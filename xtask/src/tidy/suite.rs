//! The parts of the suites that are not Rust: no sleeping by the clock, no skipping there either.

use std::path::Path;

use super::finding::Finding;

/// What may not be written in a test, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("time.sleep(", "wait for a condition"),
    ("waitForTimeout(", "wait for a condition"),
    ("pytest.mark.skip", "no test is skipped"),
    ("test.skip(", "no test is skipped"),
    ("it.skip(", "no test is skipped"),
    ("skip: true", "no test is skipped"),
];

/// Everything against a Python or JavaScript file of the suites.
pub(crate) fn check(path: &Path, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines().enumerate() {
        for (word, instead) in REFUSED {
            if line.contains(word) {
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
            "import time\ntime.sleep(1)\npytest.skip('no')\n",
        );
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "x.py:2: `time.sleep(`: wait for a condition",
                "x.py:3: `test.skip(`: no test is skipped"
            ]
        );
    }
}
