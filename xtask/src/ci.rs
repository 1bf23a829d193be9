//! `cargo xtask ci`: everything that CI runs, in order, to the first failure.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cases::results::Results;
use crate::cases::{command as cases, results};
use crate::metadata;
use crate::{bench, process, say, setup, tidy};

/// A named step.
type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    ("setup", setup::command::install),
    ("fmt", fmt),
    ("tidy", tidy::command::run),
    ("clippy", clippy),
    ("fuzz", fuzz),
    ("doc", doc),
    ("build", build),
    ("bench", bench::quick),
    ("tests", tests),
    ("cases", cases::check),
];

/// Runs every step; prints the time of each, and at the end the count of all tests.
pub(crate) fn run() -> anyhow::Result<()> {
    forget_last_run()?;
    let mut times = Vec::new();
    let outcome = STEPS.iter().try_for_each(|step| timed(*step, &mut times));
    for (name, took) in &times {
        say::line(&format!("{name:<8}{}", shown(*took)));
    }
    if let Ok(results) = results::load() {
        say::line(&Results::totals(&results));
    }
    outcome
}

fn timed((name, step): Step, times: &mut Vec<(&str, Duration)>) -> anyhow::Result<()> {
    say::line(&format!("==> {name}"));
    let start = Instant::now();
    let outcome = step();
    let took = start.elapsed();
    times.push((name, took));
    let word = if outcome.is_ok() { "done" } else { "FAILED" };
    say::line(&format!("<== {name} {word} after {}", shown(took)));
    outcome
}

fn shown(time: Duration) -> String {
    format!(
        "{:>3} min {:02} s",
        time.as_secs() / 60,
        time.as_secs() % 60
    )
}

/// A run that stops before its tests must not report those of the run before it.
fn forget_last_run() -> anyhow::Result<()> {
    let file = results::file()?;
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    Ok(())
}

fn fmt() -> anyhow::Result<()> {
    process::run(&mut process::command("cargo", &["fmt", "--all", "--check"]))
}

fn clippy() -> anyhow::Result<()> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    process::run(&mut process::command("cargo", &arguments))
}

/// The fuzz targets are a workspace of their own, which must not fall behind.
fn fuzz() -> anyhow::Result<()> {
    let arguments = [
        "check",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--all-targets",
        "--locked",
    ];
    process::run(&mut process::command("cargo", &arguments))
}

fn doc() -> anyhow::Result<()> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ];
    process::run(process::command("cargo", &arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Everything that the tests are made of, and the binary that the suites of the command line and end
/// to end run. All targets at once: packages are then built with the very features that the tests
/// want, and nothing is built twice.
pub(crate) fn build() -> anyhow::Result<()> {
    process::run(&mut process::command(
        "cargo",
        &["build", "--workspace", "--all-targets", "--locked"],
    ))
}

fn tests() -> anyhow::Result<()> {
    let arguments = ["test", "--workspace", "--no-fail-fast", "--locked"];
    let mut command = process::command("cargo", &arguments);
    // Snapshots are compared, never rewritten.
    command
        .env("CLAVIGER_BIN", binary()?)
        .env("INSTA_UPDATE", "no");
    process::run_recorded(&mut command, &results::file()?)?;
    tests_on_postgres()
}

/// Two nodes that share a PostgreSQL, for the HTTP suite.
pub(crate) const TWO_NODES: [(&str, &str); 2] = [
    ("CLAVIGER_TEST_STORE", "postgres"),
    ("CLAVIGER_TEST_NODES", "2"),
];

/// Every HTTP case again, on the other store and over two nodes, each connection at the next one. One
/// record holds both runs.
fn tests_on_postgres() -> anyhow::Result<()> {
    say::line("==> tests on PostgreSQL, over two nodes");
    // The whole workspace, or packages would be built anew with fewer features.
    let arguments = [
        "test",
        "--workspace",
        "--test",
        "http",
        "--no-fail-fast",
        "--locked",
    ];
    let mut command = process::command("cargo", &arguments);
    command.envs(TWO_NODES).env("INSTA_UPDATE", "no");
    let (record, more) = (results::file()?, results::file()?.with_extension("more"));
    let outcome = process::run_recorded(&mut command, &more);
    let both = [std::fs::read(&record)?, std::fs::read(&more)?].concat();
    std::fs::write(&record, both)?;
    outcome
}

/// The binary that the suites of the command line and end to end run.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    Ok(metadata::load()?.target_directory.join("debug/claviger"))
}
