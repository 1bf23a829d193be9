//! Programs from Debian's packages: the real parts that the end-to-end suites run against.

use std::path::Path;
use std::process::Command;

use super::need::Missing;
use crate::process;

/// A package, how to tell that what we want of it is there, and what it is for.
struct Package {
    name: &'static str,
    sign: Sign,
    reason: &'static str,
}

/// How to tell that it is there, whoever installed it.
enum Sign {
    /// This file exists; the suites name it by its full path.
    File(&'static str),
    /// This command line exits 0.
    Runs(&'static [&'static str]),
}

/// All that is needed, and nothing else.
const PACKAGES: &[Package] = &[
    Package {
        name: "awscli",
        sign: Sign::File("/usr/bin/aws"),
        reason: "the unmodified AWS CLI signs in at the built binary",
    },
    Package {
        name: "chromium",
        sign: Sign::File("/usr/bin/chromium"),
        reason: "the pages are walked through in a real browser",
    },
    Package {
        name: "curl",
        sign: Sign::Runs(&["curl", "--version"]),
        reason: "the curl examples of docs/create-token.md are executed",
    },
    Package {
        name: "nodejs",
        sign: Sign::Runs(&["node", "--version"]),
        reason: "the JavaScript SDK, and the driver of the browser",
    },
    Package {
        name: "npm",
        sign: Sign::Runs(&["npm", "--version"]),
        reason: "installs tests/npm from its lock file",
    },
    Package {
        name: "postgresql",
        sign: Sign::Runs(&["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"]),
        reason: "the store's suites run on a real PostgreSQL",
    },
    Package {
        name: "procps",
        sign: Sign::Runs(&["pkill", "--version"]),
        reason: "a PostgreSQL that stands still, with all its processes",
    },
    Package {
        name: "python3-venv",
        sign: Sign::Runs(&["python3", "-c", "import ensurepip, venv"]),
        reason: "boto3 as a client, moto as STS and S3",
    },
    Package {
        name: "strace",
        sign: Sign::Runs(&["strace", "--version"]),
        reason: "the bench counts how often a server writes through to the disk",
    },
];

/// What is not there.
pub(crate) fn missing() -> Vec<Missing> {
    absent()
        .map(|package| Missing {
            what: format!("{}: {}", package.name, package.reason),
            remedy: format!("apt-get install {}", package.name),
        })
        .collect()
}

/// Installs what is not there, where this is Debian and we are root; else does nothing.
pub(crate) fn install() -> anyhow::Result<()> {
    let names: Vec<&str> = absent().map(|package| package.name).collect();
    if names.is_empty() || !may_install() {
        return Ok(());
    }
    process::run(&mut apt(&["update"]))?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(names);
    process::run(&mut apt(&arguments))
}

fn absent() -> impl Iterator<Item = &'static Package> {
    PACKAGES.iter().filter(|package| !is_there(&package.sign))
}

fn is_there(sign: &Sign) -> bool {
    match sign {
        Sign::File(file) => Path::new(file).exists(),
        Sign::Runs([program, arguments @ ..]) => {
            process::succeeds(&mut process::command(program, arguments))
        }
        Sign::Runs([]) => false,
    }
}

fn may_install() -> bool {
    let user = process::output(&mut process::command("id", &["-u"]));
    let is_root = user.is_ok_and(|user| user.trim() == "0");
    is_root && process::succeeds(&mut process::command("apt-get", &["--version"]))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = process::command("apt-get", &["--quiet"]);
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_that_is_not_there_is_seen() {
        assert!(is_there(&Sign::Runs(&["true"])));
        assert!(!is_there(&Sign::Runs(&["false"])));
        assert!(!is_there(&Sign::Runs(&["claviger-no-such-program"])));
        assert!(!is_there(&Sign::File("/no/such/file")));
    }
}
