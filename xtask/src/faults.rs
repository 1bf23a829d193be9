//! `cargo xtask faults`: every fault of docs/reliability.md, the long way, and the table of what was seen.

use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::{ci, process, say};

/// A fault, and the tests that make it happen. Each asserts that it did.
struct Row {
    id: &'static str,
    fault: &'static str,
    /// Suites with what their tests' names contain.
    tests: &'static [(&'static str, &'static [&'static str])],
}

/// All rows; the texts of those that no machine of ours can run stand in docs/reliability.md.
const ROWS: &[Row] = &[
    row("F01", "killed at each call", &[("e2e", &["f01_"])]),
    row("F02", "killed at random", &[("e2e", &["f02_"])]),
    row(
        "F03",
        "stopped and woken",
        &[("e2e", &["f03_"]), ("store", &["f03_"])],
    ),
    row("F04", "the power goes", &[("e2e", &["f04_"])]),
    row("F05", "disk full", &[("store", &["f05_"])]),
    row(
        "F06",
        "disk full at one write",
        &[("e2e", &["f06_"]), ("store", &["f06_"])],
    ),
    row(
        "F07",
        "a sync fails",
        &[("e2e", &["f07_"]), ("store", &["f07_"])],
    ),
    row("F08", "slow disk, short writes", &[("e2e", &["f08_"])]),
    row("F09", "the disk turns read-only", &[("e2e", &["f09_"])]),
    row("F10", "no descriptors left", &[("cli", &["f10_"])]),
    row("F12", "damaged files", &[("store", &["f12_"])]),
    row("F13", "the database hangs", &[("store", &["f13_"])]),
    row(
        "F14",
        "failover",
        &[("e2e", &["f14_"]), ("store", &["f14_"]), ("cli", &["f14_"])],
    ),
    row(
        "F15",
        "clock jumps",
        &[("e2e", &["f15_"]), ("cli", &["f15_"]), ("store", &["f15_"])],
    ),
    row("F16", "a replaced primary returns", &[("store", &["f16_"])]),
    row("F17", "keys rotate", &[("http", &["f17_"])]),
    row("F18", "key file lost or foreign", &[("cli", &["f18_"])]),
    row("F20", "SIGTERM", &[("cli", &["f20_"])]),
    row("F21", "STS in trouble", &[("http", &["res_08_"])]),
    row(
        "F24",
        "another schema",
        &[("e2e", &["f24_"]), ("store", &["f24_"])],
    ),
    row("F25", "partition from the store", &[("store", &["f25_"])]),
    row(
        "F26",
        "the answer is lost",
        &[("http", &["ref_03_", "dev_15_"])],
    ),
    row("F27", "names that nobody resolves", &[("cli", &["f27_"])]),
    row("F28", "nobody reads the log", &[("cli", &["f28_"])]),
    row(
        "F30",
        "restored from a backup",
        &[("cli", &["f30_", "r12_"]), ("store", &["f30_"])],
    ),
    row("F31", "two processes, one store", &[("store", &["f31_"])]),
    row("F32", "handlers panic", &[("http", &["f32_", "tok_13_"])]),
    row(
        "races",
        "two nodes, one token or code",
        &[(
            "http",
            &[
                "ref_02_", "ref_15_", "aut_08_", "dev_11_", "dev_13_", "dev_14_", "sgn_04_",
            ],
        )],
    ),
];

const fn row(
    id: &'static str,
    fault: &'static str,
    tests: &'static [(&'static str, &'static [&'static str])],
) -> Row {
    Row { id, fault, tests }
}

/// How long and how thorough it is.
const LONG: &[(&str, &str)] = &[
    ("CLAVIGER_KILL_MINUTES", "10"),
    ("CLAVIGER_FAULT_STRIDE", "1"),
    ("CLAVIGER_RACE_ROUNDS", "1000"),
    ("CLAVIGER_FAILOVERS", "10"),
];

/// What became of a row.
#[derive(Debug, PartialEq)]
struct Seen {
    passed: usize,
    failed: usize,
    /// What the tests said of it.
    evidence: Vec<String>,
}

/// Runs all rows, or those that are named; `quick` as CI does. A row that fails or proves nothing fails it all.
pub(crate) fn run(named: &[&str], quick: bool) -> anyhow::Result<()> {
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| named.is_empty() || named.contains(&row.id))
        .collect();
    if let Some(unknown) = named
        .iter()
        .find(|id| ROWS.iter().all(|row| row.id != **id))
    {
        bail!("there is no such fault that can be run here: {unknown}");
    }
    ci::build()?;
    let mut bad = 0;
    say::line("fault  what happens                  result   evidence");
    for row in rows {
        let begun = Instant::now();
        let seen = see(row, quick)?;
        let result = seen.result();
        bad += usize::from(result != "ok");
        let head = format!("{:<6} {:<29} {result:<8}", row.id, row.fault);
        let took = begun.elapsed().as_secs();
        say::line(&format!(
            "{head} {} tests in {took} s",
            seen.passed + seen.failed
        ));
        for line in &seen.evidence {
            say::line(&format!("{:46}{line}", ""));
        }
    }
    if bad > 0 {
        bail!("{bad} rows are not proven");
    }
    Ok(())
}

fn see(row: &Row, quick: bool) -> anyhow::Result<Seen> {
    let mut seen = Seen {
        passed: 0,
        failed: 0,
        evidence: Vec::new(),
    };
    for (suite, filters) in row.tests {
        let arguments = ["test", "--workspace", "--locked", "--test", suite, "--"];
        let mut command = process::command("cargo", &arguments);
        command
            .args(*filters)
            .args(["--nocapture", "--test-threads=1"]);
        command.env("CLAVIGER_BIN", ci::binary()?);
        if !quick {
            command.envs(LONG.iter().copied());
        }
        if *suite == "http" {
            command.envs(ci::TWO_NODES);
        }
        let output = command.output().context("cargo cannot be run")?;
        let before = (seen.passed, seen.failed);
        seen.read(&String::from_utf8_lossy(&output.stdout));
        // A suite that ends without a word, or that has none of these tests, proves nothing.
        let is_proven = output.status.success() && seen.passed > before.0;
        seen.failed += usize::from(!is_proven && seen.failed == before.1);
    }
    Ok(seen)
}

impl Seen {
    /// Adds what a run of the tests printed.
    fn read(&mut self, output: &str) {
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("test result: ") {
                let count = |word: &str| {
                    let before = rest.split(word).next()?.trim_end();
                    before.rsplit(' ').next()?.parse::<usize>().ok()
                };
                self.passed += count(" passed").unwrap_or(0);
                self.failed += count(" failed").unwrap_or(0);
            } else if let Some((_, evidence)) = line.split_once("evidence: ") {
                self.evidence.push(evidence.to_owned());
            }
        }
    }

    fn result(&self) -> &'static str {
        match self {
            Self { failed: 1.., .. } => "FAILED",
            Self { passed: 0, .. } => "NOT RUN",
            Self { .. } => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(output: &str) -> Seen {
        let mut seen = Seen {
            passed: 0,
            failed: 0,
            evidence: Vec::new(),
        };
        seen.read(output);
        seen
    }

    #[test]
    fn a_run_is_read_with_its_evidence() {
        let read = seen(
            "test a ... evidence: 15 kills\nok\n\
             test result: ok. 2 passed; 0 failed; 0 ignored\n\
             test result: FAILED. 1 passed; 3 failed; 0 ignored\n",
        );
        assert_eq!((read.passed, read.failed, read.result()), (3, 3, "FAILED"));
        assert_eq!(read.evidence, ["15 kills"]);
    }

    #[test]
    fn a_row_without_tests_is_not_run() {
        assert_eq!(
            seen("test result: ok. 0 passed; 0 failed").result(),
            "NOT RUN"
        );
        assert_eq!(seen("").result(), "NOT RUN");
        assert_eq!(seen("test result: ok. 1 passed; 0 failed").result(), "ok");
    }
}
