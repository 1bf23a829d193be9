//! Tells the binary which commit it was built from.

use std::{path::Path, process::Command};

fn main() {
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(
            || "unknown commit".to_owned(),
            |text| text.trim().to_owned(),
        );
    println!("cargo::rustc-env=CLAVIGER_COMMIT={commit}");
    // Development builds keep the commit they were first built from: linking anew after each
    // commit is not worth it.
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo speaks to build scripts so"
    )]
    let release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let log = if release {
        "../../.git/logs/HEAD"
    } else {
        "build.rs"
    };
    if Path::new(log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
}
