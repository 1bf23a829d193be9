//! The npm packages of tests/npm, as its lock file pins them.

use std::fs;

use super::need::Missing;
use crate::{process, root};

const FOLDER: &str = "tests/npm";
const LOCK: &str = "tests/npm/package-lock.json";

/// A copy of the lock file that was installed last; written only when all went well.
const STAMP: &str = "tests/npm/node_modules/installed-package-lock.json";

/// Whether `node_modules` is not what the lock file says.
pub(crate) fn missing() -> Vec<Missing> {
    if is_fresh() {
        return Vec::new();
    }
    vec![Missing {
        what: format!(
            "{FOLDER}/node_modules as {LOCK} pins it: AWS SDK, openid-client, playwright-core, axe-core"
        ),
        remedy: "cargo xtask setup (needs npm and its registry)".to_owned(),
    }]
}

/// Installs from the lock file unless that is done.
pub(crate) fn install() -> anyhow::Result<()> {
    if is_fresh() {
        return Ok(());
    }
    let mut npm = process::command("npm", &["ci", "--no-audit", "--no-fund"]);
    process::run(npm.current_dir(root::join(FOLDER)))?;
    fs::copy(root::join(LOCK), root::join(STAMP))?;
    Ok(())
}

fn is_fresh() -> bool {
    let read = |file| fs::read(root::join(file)).ok();
    let stamp = read(STAMP);
    stamp.is_some() && stamp == read(LOCK)
}
