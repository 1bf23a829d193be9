//! The Python environment `.venv`, as tests/requirements.txt pins it.

use std::fs;

use super::need::Missing;
use crate::{process, root};

const REQUIREMENTS: &str = "tests/requirements.txt";
const ENVIRONMENT: &str = ".venv";

/// A copy of the requirements that were installed last; written only when all went well.
const STAMP: &str = ".venv/installed-requirements.txt";

/// Whether `.venv` is not what the requirements say.
pub(crate) fn missing() -> Vec<Missing> {
    if is_fresh() {
        return Vec::new();
    }
    vec![Missing {
        what: format!("{ENVIRONMENT} as {REQUIREMENTS} pins it: boto3, Authlib, moto"),
        remedy: "cargo xtask setup (needs python3-venv and the Python package index)".to_owned(),
    }]
}

/// Makes `.venv` anew unless it is fresh.
pub(crate) fn install() -> anyhow::Result<()> {
    if is_fresh() {
        return Ok(());
    }
    process::run(&mut process::command(
        "python3",
        &["-m", "venv", "--clear", ENVIRONMENT],
    ))?;
    let python = root::join(ENVIRONMENT).join("bin/python");
    let arguments = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "-r",
        REQUIREMENTS,
    ];
    process::run(&mut process::command(&python.to_string_lossy(), &arguments))?;
    fs::copy(root::join(REQUIREMENTS), root::join(STAMP))?;
    Ok(())
}

fn is_fresh() -> bool {
    let read = |file| fs::read(root::join(file)).ok();
    let stamp = read(STAMP);
    stamp.is_some() && stamp == read(REQUIREMENTS)
}
