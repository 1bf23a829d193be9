//! `cargo xtask bench`: builds the release and the bench, and lets that measure.

use crate::{metadata, process};

/// Builds both as they are shipped, and hands the arguments on.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let packages = ["-p", "claviger", "-p", "claviger-bench"];
    let mut build = process::command("cargo", &["build", "--release", "--locked"]);
    process::run(build.args(packages))?;
    measure("release", arguments)
}

/// The same with what CI has built: whether it runs, and not how fast.
pub(crate) fn quick() -> anyhow::Result<()> {
    measure("debug", &["--quick"])
}

fn measure(profile: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let programs = metadata::load()?.target_directory.join(profile);
    let mut bench = std::process::Command::new(programs.join("claviger-bench"));
    // Behind what was asked for: before `idle` and its like options are nobody's.
    bench.args(arguments).arg("--claviger");
    process::run(bench.arg(programs.join("claviger")))
}
