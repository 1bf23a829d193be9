//! `cargo xtask faults`: every fault of docs/reliability.md, the long way, and the table of what was seen.

use std::{process::Command, time::Instant};

use anyhow::{Context as _, bail};

use crate::{ci, process, say};

/// A fault, and what makes it happen. Each test asserts that it did, and says what it saw.
struct Row {
    id: &'static str,
    fault: &'static str,
    runs: &'static [Run],
}

/// What makes a fault happen.
enum Run {
    /// The tests of a suite whose names contain this.
    Tests(&'static str, &'static str),
    /// An example of the tests' crate, and its arguments; too long for `--quick`.
    Example(&'static str, &'static [&'static str]),
    /// Nothing here can, and why.
    Not(&'static str),
}

use Run::{Example, Not, Tests};

/// All rows.
const ROWS: &[Row] = &[
    row("F01", "killed at each call", &[Tests("e2e", "f01_")]),
    row("F02", "killed at random", &[Tests("e2e", "f02_")]),
    row(
        "F03",
        "stopped and woken",
        &[Tests("e2e", "f03_"), Tests("store", "f03_")],
    ),
    row("F04", "the power goes", &[Tests("e2e", "f04_")]),
    row("F05", "disk full", &[Tests("store", "f05_")]),
    row(
        "F06",
        "disk full at one write",
        &[Tests("e2e", "f06_"), Tests("store", "f06_")],
    ),
    row(
        "F07",
        "a sync fails",
        &[Tests("e2e", "f07_"), Tests("store", "f07_")],
    ),
    row("F08", "slow disk, short writes", &[Tests("e2e", "f08_")]),
    row("F09", "the disk turns read-only", &[Tests("e2e", "f09_")]),
    row("F10", "no descriptors left", &[Tests("cli", "f10_")]),
    row(
        "F11",
        "memory limit",
        &[Not("wants cgroups, which a container may not make")],
    ),
    row("F12", "damaged files", &[Tests("store", "f12_")]),
    row("F13", "the database hangs", &[Tests("store", "f13_")]),
    row(
        "F14",
        "failover",
        &[
            Tests("e2e", "f14_"),
            Tests("store", "f14_"),
            Tests("cli", "f14_"),
        ],
    ),
    row(
        "F15",
        "clock jumps",
        &[
            Tests("e2e", "f15_"),
            Tests("cli", "f15_"),
            Tests("store", "f15_"),
        ],
    ),
    row(
        "F16",
        "a replaced primary returns",
        &[Tests("store", "f16_"), Tests("cli", "f16_")],
    ),
    row("F17", "keys rotate", &[Tests("http", "f17_")]),
    row("F18", "key file lost or foreign", &[Tests("cli", "f18_")]),
    row(
        "F19",
        "100,000 idle connections",
        &[Not(
            "wants 100,000 descriptors for one process; `bench idle` opens 15,000",
        )],
    ),
    row("F20", "SIGTERM", &[Tests("cli", "f20_")]),
    row(
        "F21",
        "STS in trouble",
        &[Tests("http", "res_08_"), Tests("suite", "f21_")],
    ),
    row(
        "F22",
        "upstream identity provider",
        &[Not("there is no upstream sign-in")],
    ),
    row(
        "F23",
        "upgrade node by node",
        &[Not("there is no earlier release")],
    ),
    row(
        "F24",
        "another schema",
        &[Tests("e2e", "f24_"), Tests("store", "f24_")],
    ),
    row("F25", "partition from the store", &[Tests("store", "f25_")]),
    row(
        "F26",
        "the answer is lost",
        &[
            Tests("http", "f26_"),
            Tests("http", "ref_03_"),
            Tests("http", "dev_15_a_lost"),
        ],
    ),
    row("F27", "names nobody resolves", &[Tests("cli", "f27_")]),
    row("F28", "nobody reads the log", &[Tests("cli", "f28_")]),
    row(
        "F29",
        "a million rows to delete",
        &[
            Example("many_sessions", &["sqlite", "1000000"]),
            Example("many_sessions", &["postgres", "1000000"]),
        ],
    ),
    row(
        "F30",
        "restored from a backup",
        &[
            Tests("cli", "f30_"),
            Tests("cli", "r12_"),
            Tests("store", "f30_"),
            Tests("store", "r12_"),
        ],
    ),
    row("F31", "two processes, one store", &[Tests("store", "f31_")]),
    row(
        "F32",
        "handlers panic",
        &[Tests("http", "f32_"), Tests("http", "tok_13_a_panic")],
    ),
    row(
        "races",
        "two nodes, one token or code",
        &[
            Tests("http", "ref_02_"),
            Tests("http", "ref_15_what"),
            Tests("http", "aut_08_"),
            Tests("http", "dev_11_two_nodes"),
            Tests("http", "dev_12_in_its_last"),
            Tests("http", "dev_13_taking_back_races"),
            Tests("http", "dev_14_"),
            Tests("http", "sgn_04_no_number"),
        ],
    ),
];

const fn row(id: &'static str, fault: &'static str, runs: &'static [Run]) -> Row {
    Row { id, fault, runs }
}

/// How long and how thorough it is.
const LONG: &[(&str, &str)] = &[
    ("CLAVIGER_KILL_MINUTES", "10"),
    ("CLAVIGER_FAULT_STRIDE", "1"),
    ("CLAVIGER_RACE_ROUNDS", "1000"),
    ("CLAVIGER_FAILOVERS", "10"),
];

/// What became of a row.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    passed: usize,
    failed: usize,
    /// Tests that said nothing of a fault, and runs without any.
    unproven: usize,
    /// What was said: what happened, answers, lost, doubled, recovery.
    evidence: Vec<String>,
    /// Why it cannot be run.
    not: Option<&'static str>,
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
    say::line(
        "fault  what was done: what was seen | answers: served / 503 / none | lost | doubled | recovery",
    );
    for row in rows {
        let begun = Instant::now();
        let seen = see(row, quick)?;
        let (result, took) = (seen.result(), begun.elapsed().as_secs());
        bad += usize::from(result == "FAILED" || (result == "NOT RUN" && seen.not.is_none()));
        let tests = seen.passed + seen.failed;
        let why = match seen.not {
            Some(why) => why.to_owned(),
            None => format!("{tests} tests in {took} s"),
        };
        say::line(&format!(
            "{:<6} {:<29} {result:<8} {why}",
            row.id, row.fault
        ));
        for line in &seen.evidence {
            say::line(&format!("{:7}{line}", ""));
        }
    }
    if bad > 0 {
        bail!("{bad} rows are not proven");
    }
    Ok(())
}

fn see(row: &Row, quick: bool) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for run in row.runs {
        let mut command = match run {
            Tests(suite, filter) => tests(suite, filter, quick),
            Example(..) if quick => {
                seen.not = Some("takes minutes; without --quick it runs");
                continue;
            }
            Example(name, arguments) => example(name, arguments),
            Not(why) => {
                seen.not = Some(why);
                continue;
            }
        };
        command.env("CLAVIGER_BIN", ci::binary()?);
        let output = command.output().context("cargo cannot be run")?;
        let before = (seen.passed, seen.failed);
        seen.read(&String::from_utf8_lossy(&output.stdout));
        if matches!(run, Example(..)) {
            seen.passed += usize::from(output.status.success());
        }
        if !output.status.success() {
            seen.failed += usize::from(seen.failed == before.1);
        } else if seen.passed == before.0 {
            seen.unproven += 1;
        }
    }
    Ok(seen)
}

/// The tests of a suite whose names contain `filter`, one after the other.
fn tests(suite: &str, filter: &str, quick: bool) -> Command {
    let arguments = [
        "test",
        "--workspace",
        "--locked",
        "--test",
        suite,
        "--",
        filter,
        "--nocapture",
        "--test-threads=1",
    ];
    let mut command = process::command("cargo", &arguments);
    if !quick {
        command.envs(LONG.iter().copied());
    }
    if suite == "http" {
        command.envs(ci::TWO_NODES);
    }
    command
}

/// An example of the tests' crate.
fn example(name: &str, arguments: &[&str]) -> Command {
    let all = [
        "run",
        "--locked",
        "-p",
        "claviger-tests",
        "--example",
        name,
        "--",
    ];
    let mut command = process::command("cargo", &all);
    command.args(arguments);
    command
}

impl Seen {
    /// Adds what a run of the tests printed.
    fn read(&mut self, output: &str) {
        let mut is_proven = true;
        for line in output.lines() {
            if line.starts_with("test ") {
                self.unproven += usize::from(!is_proven);
                is_proven = line.starts_with("test result: ");
            }
            if let Some(rest) = line.strip_prefix("test result: ") {
                let count = |word: &str| {
                    let before = rest.split(word).next()?.trim_end();
                    before.rsplit(' ').next()?.parse::<usize>().ok()
                };
                self.passed += count(" passed").unwrap_or(0);
                self.failed += count(" failed").unwrap_or(0);
            } else if let Some((_, evidence)) = line.split_once("evidence: ") {
                is_proven = true;
                self.evidence.push(evidence.to_owned());
            }
        }
    }

    fn result(&self) -> &'static str {
        match self {
            Self { failed: 1.., .. } => "FAILED",
            Self { passed: 0, .. } | Self { unproven: 1.., .. } => "NOT RUN",
            Self { .. } => "ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(output: &str) -> Seen {
        let mut seen = Seen::default();
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
    fn a_row_with_a_test_that_says_nothing_is_not_run() {
        let one_of_two = seen(
            "test a ... evidence: 15 kills\nok\ntest b ... ok\n\
             test result: ok. 2 passed; 0 failed; 0 ignored\n",
        );
        assert_eq!(one_of_two.result(), "NOT RUN");
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
