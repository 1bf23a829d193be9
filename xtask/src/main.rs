//! The chores of the repository: `cargo xtask setup`, `tidy`, `ci`, `cases`, `faults`, `bench`.
//!
//! Plain Rust instead of shell scripts. Nothing here is part of the product. Modules are declared
//! ground floor first; a module uses only those above it.

mod say;
mod root;
mod process;
mod metadata;
mod rust;
mod setup;
mod tidy;
mod cases;
mod bench;
mod ci;
mod faults;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  setup           install what the tests need: Debian packages, .venv, tests/npm/node_modules
  setup --check   only say what is missing
  tidy            check the house: arrows, walls, licences, files
  ci              what CI runs: setup, fmt, tidy, clippy, doc, bench, tests, cases
  cases           compare docs/security-cases.md with the last test run
  cases --write   write docs/security-cases.md from the last test run
  faults          break everything, for hours, and print what was seen; `faults F02 F14` some of it
  faults --quick  the same as short as CI does it
  bench           build the release, and measure it beside the ceilings of its stack; `bench --help`
  bench --quick   look whether that runs, as CI does";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::trouble(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["setup"] => setup::command::install(),
        ["setup", "--check"] => setup::command::check(),
        ["tidy"] => tidy::command::run(),
        ["ci"] => ci::run(),
        ["cases"] => cases::command::check(),
        ["cases", "--write"] => cases::command::write(),
        ["faults", "--quick", named @ ..] => faults::run(named, true),
        ["faults", named @ ..] => faults::run(named, false),
        ["bench", arguments @ ..] => bench::run(arguments),
        [] | ["help" | "--help" | "-h"] => {
            say::line(HELP);
            Ok(())
        }
        other => anyhow::bail!("there is no chore `{}`\n{HELP}", other.join(" ")),
    }
}
