//! What came out.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The server does it right.
    Passed,
    /// The server does something else.
    Failed,
    /// It could not be checked here.
    Skipped,
}

/// One check's end.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The check.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it did not pass.
    pub reason: Option<String>,
    /// Where it is written that servers do so.
    pub written: &'static str,
    /// The security cases that it plays.
    pub cases: &'static [&'static str],
    /// How long it took.
    pub milliseconds: u64,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The server.
    pub url: String,
    /// How many checks passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many could not be made.
    pub skipped: usize,
    /// Every check in the order they were made.
    pub checks: Vec<Outcome>,
}

impl Report {
    pub(crate) fn of(url: String, checks: Vec<Outcome>) -> Self {
        let count = |verdict| checks.iter().filter(|own| own.verdict == verdict).count();
        Self {
            url,
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            skipped: count(Verdict::Skipped),
            checks,
        }
    }
}
