//! The results of a test run, as its runners printed them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::metadata;

/// What a run printed about its tests.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Results {
    /// Names of the tests that passed, in the order of the run.
    pub(crate) passed: Vec<String>,
    /// Names of the tests that failed.
    pub(crate) failed: Vec<String>,
    /// What the closing lines of libtest add up to: passed, failed.
    closing: (usize, usize),
}

impl Results {
    /// The line by which a run is counted.
    pub(crate) fn totals(&self) -> String {
        format!("{} passed, {} failed", self.passed.len(), self.failed.len())
    }

    /// Refuses a record whose lines and closing lines disagree: then a line was torn, and a
    /// test could be missing from the table without anybody seeing it.
    pub(crate) fn check_whole(&self) -> anyhow::Result<()> {
        let (passed, failed) = self.closing;
        let is_whole = self.passed.len() >= passed && self.failed.len() >= failed;
        anyhow::ensure!(
            is_whole,
            "the record of the run holds {}, its closing lines say {passed} passed, {failed} \
             failed: a test wrote into another's line; let it capture what its children print",
            self.totals(),
        );
        Ok(())
    }
}

/// Where a run's stdout is recorded.
pub(crate) fn file() -> anyhow::Result<PathBuf> {
    Ok(metadata::load()?.target_directory.join("test-output.txt"))
}

/// Reads the record of the last run.
pub(crate) fn load() -> anyhow::Result<Results> {
    let file = file()?;
    let text = fs::read_to_string(&file).with_context(|| {
        format!(
            "cannot read {}: run `cargo xtask ci`, which makes it",
            file.display()
        )
    })?;
    Ok(parse(&text))
}

/// Reads the lines of libtest, pytest (`-v`) and node's runner (TAP and spec).
fn parse(text: &str) -> Results {
    let mut results = Results::default();
    for line in text.lines() {
        if let Some((passed, failed)) = closing(line) {
            results.closing.0 += passed;
            results.closing.1 += failed;
        } else if let Some((name, is_passed)) = outcome(line) {
            let list = if is_passed {
                &mut results.passed
            } else {
                &mut results.failed
            };
            list.push(name.to_owned());
        }
    }
    results
}

/// `test result: ok. 3 passed; 0 failed; …`
fn closing(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("test result: ")?;
    let number = |word: &str| {
        let before = rest.split(word).next()?.trim_end();
        before
            .rsplit(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    Some((number("passed;")?, number("failed;")?))
}

fn outcome(line: &str) -> Option<(&str, bool)> {
    libtest(line)
        .or_else(|| pytest(line))
        .or_else(|| tap(line))
        .or_else(|| spec(line))
}

/// `test a::b ... ok`
fn libtest(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    match outcome {
        "ok" => Some((name, true)),
        failed if failed.starts_with("FAILED") => Some((name, false)),
        _ => None,
    }
}

/// `tests/x.py::test_a PASSED [ 50%]`
fn pytest(line: &str) -> Option<(&str, bool)> {
    let (name, rest) = line.split_once(' ')?;
    if !name.contains(".py::") {
        return None;
    }
    match rest.split_whitespace().next()? {
        "PASSED" => Some((name, true)),
        "FAILED" | "ERROR" => Some((name, false)),
        _ => None,
    }
}

/// `ok 1 - a`, `not ok 2 - b`
fn tap(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_start();
    let (rest, is_passed) = match line.strip_prefix("not ok ") {
        Some(rest) => (rest, false),
        None => (line.strip_prefix("ok ")?, true),
    };
    let (number, name) = rest.split_once(" - ")?;
    number.parse::<u32>().ok()?;
    Some((name, is_passed))
}

/// `✔ a (1.5ms)`, `✖ b (2ms)`
fn spec(line: &str) -> Option<(&str, bool)> {
    let (name, took) = line.trim_start().rsplit_once(" (")?;
    took.strip_suffix("ms)")?;
    match name.split_once(' ')? {
        ("✔", name) => Some((name, true)),
        ("✖", name) => Some((name, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_is_read() {
        let results = parse(
            "running 3 tests\n\
             test a::ref_02_x ... ok\n\
             test a::b - should panic ... ok\n\
             test a::c ... FAILED\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; finished in 0.01s\n\
             tests/x.py::test_ref_03_y PASSED [ 50%]\n\
             ok 1 - d\n\
             not ok 2 - e\n\
             ✔ f (1.5ms)\n",
        );
        assert_eq!(
            results.passed,
            ["a::ref_02_x", "a::b", "tests/x.py::test_ref_03_y", "d", "f"]
        );
        assert_eq!(results.failed, ["a::c", "e"]);
        assert_eq!(results.closing, (2, 1));
        assert_eq!(results.totals(), "5 passed, 2 failed");
        assert!(results.check_whole().is_ok());
    }

    #[test]
    fn a_torn_line_is_noticed() {
        let results = parse(
            "test a ... noise from a child\nok\ntest b ... ok\n\
             test result: ok. 2 passed; 0 failed; 0 ignored\n",
        );
        assert!(results.check_whole().is_err());
    }
}
