//! `cargo xtask tidy`: walks the tree and tells everything against it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::finding::Finding;
use super::{arrow, duplicate, file, licence, suite, wall};
use crate::metadata::{self, Metadata};
use crate::rust::module;
use crate::{root, say};

/// Where sources are.
const PLACES: &[&str] = &["crates", "tests", "helpers", "fuzz", "xtask"];

/// Folders whose content is not ours.
const FOREIGN: &[&str] = &[
    "target",
    "node_modules",
    "corpus",
    "artifacts",
    "__pycache__",
];

/// Runs every check; any finding is an error.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = metadata::load()?;
    let mut findings = wall::check(&metadata.packages);
    findings.extend(licence::check(&metadata.packages));
    findings.extend(duplicate::check(&metadata.packages));
    findings.extend(arrows(&metadata)?);
    findings.extend(files()?);
    findings.sort();
    findings.dedup();
    for finding in &findings {
        say::trouble(&finding.to_string());
    }
    anyhow::ensure!(
        findings.is_empty(),
        "tidy found {} things to put right",
        findings.len()
    );
    Ok(())
}

fn arrows(metadata: &Metadata) -> anyhow::Result<Vec<Finding>> {
    let ours = metadata.packages.iter().filter(|package| package.is_ours);
    let mut findings = Vec::new();
    for file in ours.flat_map(|package| &package.roots) {
        findings.extend(arrow::check(&module::read(file)?));
    }
    Ok(findings)
}

fn files() -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for place in PLACES {
        walk(&root::join(place), &mut found)?;
    }
    let mut findings = Vec::new();
    for path in &found {
        let source =
            || fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => findings.extend(rust(path, &source()?)),
            Some("py" | "js" | "mjs")
                if path.components().any(|part| part.as_os_str() == "tests") =>
            {
                findings.extend(suite::check(path, &source()?));
            }
            _ => {}
        }
    }
    findings.extend(stale_lists(&found));
    Ok(findings)
}

fn rust(path: &Path, source: &str) -> Vec<Finding> {
    let name = name(path);
    let is_test =
        name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("/tests.rs");
    file::check(&file::File {
        path,
        name: &name,
        source,
        is_test,
    })
}

/// A listed exception whose file is gone has lost its reason.
fn stale_lists(found: &[PathBuf]) -> Vec<Finding> {
    let names: Vec<String> = found.iter().map(|path| name(path)).collect();
    let listed = file::LONG.iter().chain(file::SLEEPERS);
    listed
        .filter(|(listed, _)| !names.iter().any(|name| name == listed))
        .map(|(listed, _)| Finding::of(*listed, "is gone: delete its line in tidy/file.rs"))
        .collect()
}

fn name(path: &Path) -> String {
    root::shown(path).replace('\\', "/")
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let is_foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
        if path.is_dir() && !is_foreign {
            walk(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
