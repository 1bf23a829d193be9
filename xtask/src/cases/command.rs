//! `cargo xtask cases`: is docs/security-cases.md what the last run gives?

use std::fs;

use anyhow::Context as _;

use super::results::Results;
use super::{catalogue, page, results};
use crate::{root, say};

const PAGE: &str = "docs/security-cases.md";

/// Whether a core case without a test is an error, or only a warning.
const REQUIRE_CORE: bool = true;

/// Compares the page with the last run.
pub(crate) fn check() -> anyhow::Result<()> {
    compare(&results::load()?)
}

/// Compares the page with these results.
pub(crate) fn compare(results: &Results) -> anyhow::Result<()> {
    results.check_whole()?;
    let (wanted, missing) = draw(results);
    tell(&missing);
    let found = fs::read_to_string(root::join(PAGE)).unwrap_or_default();
    anyhow::ensure!(
        found == wanted,
        "{PAGE} is not what the run gives: `cargo xtask cases --write`, then commit it"
    );
    anyhow::ensure!(
        missing.is_empty() || !REQUIRE_CORE,
        "{} core cases have no test that passed",
        missing.len()
    );
    Ok(())
}

/// Writes the page from the last run.
pub(crate) fn write() -> anyhow::Result<()> {
    let results = results::load()?;
    results.check_whole()?;
    let (page, missing) = draw(&results);
    tell(&missing);
    let file = root::join(PAGE);
    fs::create_dir_all(root::join("docs"))?;
    fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))
}

fn draw(results: &Results) -> (String, Vec<&'static str>) {
    let groups = catalogue::groups();
    let proven = page::Proven::new(&groups, &results.passed);
    let missing = proven
        .unproven(&groups)
        .iter()
        .map(|case| case.id)
        .collect();
    (page::render(&groups, &proven), missing)
}

fn tell(missing: &[&str]) {
    if !missing.is_empty() {
        let word = if REQUIRE_CORE { "error" } else { "warning" };
        let list = missing.join(" ");
        say::trouble(&format!(
            "{word}: {} core cases have no test: {list}",
            missing.len()
        ));
    }
}
