//! `cargo xtask setup`: installs what is missing; `--check` only names it.

use super::need::Missing;
use super::{debian, npm, python};
use crate::say;

/// Installs what is missing where that is allowed, and names what is missing still.
pub(crate) fn install() -> anyhow::Result<()> {
    debian::install()?;
    let programs = debian::missing();
    if !programs.is_empty() {
        // The rest is installed with these programs: first things first.
        return tell(&programs);
    }
    python::install()?;
    npm::install()?;
    check()
}

/// Names what is missing and how to install it; nothing missing is success.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut missing = debian::missing();
    missing.extend(python::missing());
    missing.extend(npm::missing());
    tell(&missing)
}

fn tell(missing: &[Missing]) -> anyhow::Result<()> {
    if missing.is_empty() {
        say::line("setup: all is there");
        return Ok(());
    }
    for thing in missing {
        say::trouble(&format!(
            "missing  {}\n  to do  {}",
            thing.what, thing.remedy
        ));
    }
    anyhow::bail!(
        "the tests need {} more things; install them as above",
        missing.len()
    )
}
