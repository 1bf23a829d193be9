//! Packages that the product holds in two versions: each has a reason, or goes. What only tests use is left aside.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::metadata::Package;

/// Known duplicates and why they stay.
const KNOWN: &[(&str, &str)] = &[
    ("base64", "0.22 by jsonwebtoken, ours is 0.23"),
    ("block-buffer", OLD_DIGEST),
    ("const-oid", "0.9 by tokio-postgres-rustls, ours is 0.10"),
    ("cpufeatures", OLD_DIGEST),
    ("crypto-common", OLD_DIGEST),
    ("digest", OLD_DIGEST),
    (
        "fallible-iterator",
        "0.2 by tokio-postgres, 0.3 by rusqlite",
    ),
    ("getrandom", "0.2 by ring, ours is 0.4"),
    ("rand_core", "0.6 by signature, under jsonwebtoken"),
    ("syn", "procedural macros; not in the product"),
    ("synstructure", "procedural macros; not in the product"),
    ("untrusted", "0.7 by aws-lc-rs, 0.9 by ring"),
    ("wasi", "WebAssembly only; not built here"),
    ("windows-sys", "Windows only; not built here"),
];

const OLD_DIGEST: &str =
    "sha1 0.10, by which aws-config names cached tokens, stands on digest 0.10";

/// Every duplicate without a reason, and every reason without a duplicate.
pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.iter().filter(|package| package.is_of_product) {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let is_known = |name: &str| KNOWN.iter().any(|(known, _)| *known == name);
    let unknown = versions
        .iter()
        .filter(|(name, _)| !is_known(name))
        .map(|(name, versions)| {
            let says = format!("in {} versions ({})", versions.len(), versions.join(", "));
            Finding::of(
                *name,
                says + ": agree on one, or give the reason in tidy/duplicate.rs",
            )
        });
    let stale = KNOWN
        .iter()
        .filter(|(name, _)| !versions.contains_key(name))
        .map(|(name, _)| {
            Finding::of(
                *name,
                "no duplicate any more: delete its line in tidy/duplicate.rs",
            )
        });
    unknown.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_duplicate_is_found() {
        let package = |version: &str| Package {
            name: "x".to_owned(),
            version: version.to_owned(),
            licence: None,
            is_ours: false,
            is_of_product: true,
            uses: Vec::new(),
            declares: Vec::new(),
            roots: Vec::new(),
        };
        let said: Vec<String> = check(&[package("1.0.0"), package("2.0.0")])
            .iter()
            .map(ToString::to_string)
            .filter(|said| said.starts_with("x:"))
            .collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said.concat().contains("in 2 versions (1.0.0, 2.0.0)"));
    }
}
