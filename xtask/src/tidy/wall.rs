//! The dependency wall: which crate of ours may use which other, and who may touch what from
//! outside.
//!
//! The test package and these chores are outside the house and may use all of it.

use super::finding::Finding;
use crate::metadata::Package;

/// Who may use whom: every arrow between two crates of ours. A new one needs an ADR.
const ARROWS: &[(&str, &[&str])] = &[
    ("claviger-model", &[]),
    ("claviger-store", &["claviger-model"]),
    ("claviger-engine", &["claviger-model", "claviger-store"]),
    ("claviger-sigv4", &["claviger-model"]),
    ("claviger-federation", &["claviger-model"]),
    (
        "claviger-wire",
        &["claviger-model", "claviger-engine", "claviger-sigv4"],
    ),
    (
        "claviger-web",
        &[
            "claviger-model",
            "claviger-store",
            "claviger-engine",
            "claviger-sigv4",
            "claviger-wire",
        ],
    ),
    ("claviger-sts", &["claviger-model", "claviger-sigv4"]),
    // A black box: it knows the wire, not our types.
    ("claviger-conformance", &[]),
    (
        "claviger",
        &[
            "claviger-model",
            "claviger-store",
            "claviger-engine",
            "claviger-wire",
            "claviger-web",
            "claviger-sts",
            "claviger-federation",
            "claviger-conformance",
        ],
    ),
];

/// Free to use everything: they are no part of the product.
const OUTSIDE: &[&str] = &["claviger-bench", "claviger-tests", "claviger-shim", "xtask"];

/// Packages behind a fence (a trailing `*` stands for any ending) and who may reach over it.
const FENCES: &[(&str, &[&str], &str)] = &[
    ("axum", &["claviger-web"], "only `web` knows the framework"),
    (
        "axum-core",
        &["axum", "claviger-web"],
        "only `web` knows the framework",
    ),
    ("rusqlite", &["claviger-store"], "only `store` knows SQL"),
    (
        "libsqlite3-sys",
        &["rusqlite", "claviger-store"],
        "only `store` knows SQL",
    ),
    (
        "aws-sdk-*",
        &["aws-config", "claviger-sts", "claviger"],
        "AWS is called by `sts` and by the commands only",
    ),
    (
        "aws-config",
        &["claviger-sts", "claviger"],
        "AWS is called by `sts` and by the commands only",
    ),
    (
        "openidconnect",
        &[],
        "a relying party is a client under test, no part of the product",
    ),
    (
        "rsa",
        &["openidconnect"],
        "RUSTSEC-2023-0071: its private-key operations leak by timing; a client under test has only public keys",
    ),
];

/// Never in the graph at all.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    (
        "reqwest",
        "outbound calls are the AWS SDK's and `federation`'s",
    ),
];

/// Frameworks and serialization that the inner rooms do not know, tests apart.
const UNKNOWN: &[(&str, &[&str])] = &[
    (
        "claviger-model",
        &[
            "axum",
            "hyper",
            "http",
            "tokio",
            "rusqlite",
            "serde",
            "serde_json",
        ],
    ),
    (
        "claviger-engine",
        &[
            "axum",
            "hyper",
            "http",
            "tokio",
            "rusqlite",
            "serde",
            "serde_json",
        ],
    ),
    ("claviger-wire", &["axum", "hyper", "tokio", "rusqlite"]),
];

/// Everything against the graph of packages.
pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        if package.is_ours {
            findings.extend(arrows(package, packages));
            findings.extend(unknown(package));
        }
        findings.extend(fences(package));
        findings.extend(banned(package));
    }
    findings
}

fn arrows(package: &Package, packages: &[Package]) -> Vec<Finding> {
    let name = package.name.as_str();
    if OUTSIDE.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
        return vec![Finding::of(
            name,
            "a new crate: give it its arrows in tidy/wall.rs and an ADR",
        )];
    };
    let is_ours = |used: &str| {
        packages
            .iter()
            .any(|other| other.is_ours && other.name == used)
    };
    let used = package.uses.iter().map(String::as_str);
    used.filter(|used| is_ours(used) && !allowed.contains(used))
        .map(|used| {
            Finding::of(
                name,
                format!("may not use {used}: arrows between crates point down"),
            )
        })
        .collect()
}

fn unknown(package: &Package) -> Vec<Finding> {
    let rooms = UNKNOWN.iter().filter(|(room, _)| *room == package.name);
    rooms
        .flat_map(|(_, words)| words.iter())
        .filter(|word| package.declares.iter().any(|declared| declared == *word))
        .map(|word| Finding::of(&package.name, format!("does not know {word}")))
        .collect()
}

fn fences(package: &Package) -> Vec<Finding> {
    if OUTSIDE.contains(&package.name.as_str()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (fenced, dependents, reason) in FENCES {
        let mut over = package.uses.iter().filter(|used| matches(fenced, used));
        if let (Some(used), false) = (over.next(), dependents.contains(&package.name.as_str())) {
            findings.push(Finding::of(
                &package.name,
                format!("may not use {used}: {reason}"),
            ));
        }
    }
    findings
}

fn banned(package: &Package) -> Option<Finding> {
    let (_, reason) = BANNED.iter().find(|(name, _)| *name == package.name)?;
    Some(Finding::of(&package.name, format!("is banned: {reason}")))
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[&str]) -> Package {
        let uses: Vec<String> = uses.iter().map(ToString::to_string).collect();
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: None,
            is_ours: name.starts_with("claviger"),
            is_of_product: true,
            declares: uses.clone(),
            uses,
            roots: Vec::new(),
        }
    }

    fn said(packages: &[Package]) -> Vec<String> {
        check(packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_house_as_drawn_passes() {
        let packages = [
            package("claviger-model", &["subtle"]),
            package("claviger-store", &["claviger-model", "rusqlite"]),
            package("claviger-web", &["claviger-store", "axum", "tokio"]),
            package(
                "claviger-tests",
                &["claviger-web", "axum", "rusqlite", "aws-sdk-sts"],
            ),
        ];
        assert_eq!(said(&packages), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found() {
        let up = [
            package("claviger-store", &["claviger-engine"]),
            package("claviger-engine", &[]),
        ];
        assert_eq!(
            said(&up),
            ["claviger-store: may not use claviger-engine: arrows between crates point down"]
        );
        let side = [
            package("claviger-web", &["claviger-sts"]),
            package("claviger-sts", &[]),
        ];
        assert_eq!(said(&side).len(), 1);
    }

    #[test]
    fn reaching_over_a_fence_is_found() {
        assert_eq!(
            said(&[package("claviger-engine", &["rusqlite"])]),
            [
                "claviger-engine: does not know rusqlite",
                "claviger-engine: may not use rusqlite: only `store` knows SQL"
            ]
        );
        assert_eq!(said(&[package("tonic", &["axum"])]).len(), 1);
        assert_eq!(said(&[package("claviger-web", &["aws-sdk-sts"])]).len(), 1);
        assert_eq!(
            said(&[package("claviger-web", &["openidconnect"])]).len(),
            1
        );
        assert_eq!(said(&[package("jsonwebtoken", &["rsa"])]).len(), 1);
    }

    #[test]
    fn a_banned_package_and_an_unknown_crate_are_found() {
        assert_eq!(
            said(&[package("openssl-sys", &[])]),
            ["openssl-sys: is banned: TLS is rustls"]
        );
        assert_eq!(said(&[package("claviger-common", &[])]).len(), 1);
    }
}
