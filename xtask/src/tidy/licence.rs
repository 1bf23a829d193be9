//! Licences: each dependency offers one that we may ship under.

use super::finding::Finding;
use crate::metadata::Package;

/// Licences that ask for no more than a notice.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Everything against the packages' licences.
pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().filter_map(judge).collect()
}

fn judge(package: &Package) -> Option<Finding> {
    let name = format!("{} {}", package.name, package.version);
    let Some(licence) = &package.licence else {
        return Some(Finding::of(name, "states no licence"));
    };
    let says = format!("its licence is not on the list in tidy/licence.rs: {licence}");
    (!is_allowed(licence)).then(|| Finding::of(name, says))
}

/// Judges an SPDX expression: `OR` is our choice, `AND` binds tighter and asks for both.
fn is_allowed(expression: &str) -> bool {
    // Older manifests write `MIT/Apache-2.0` for a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest) && rest.is_empty()
}

fn either(rest: &mut &[&str]) -> bool {
    let mut allowed = both(rest);
    while let [first, behind @ ..] = *rest
        && *first == "OR"
    {
        *rest = behind;
        allowed |= both(rest);
    }
    allowed
}

fn both(rest: &mut &[&str]) -> bool {
    let mut allowed = one(rest);
    while let [first, behind @ ..] = *rest
        && *first == "AND"
    {
        *rest = behind;
        allowed &= one(rest);
    }
    allowed
}

fn one(rest: &mut &[&str]) -> bool {
    match *rest {
        ["(", behind @ ..] => {
            *rest = behind;
            let allowed = either(rest);
            *rest = rest.get(1..).unwrap_or_default();
            allowed
        }
        // An exception only widens what the licence permits.
        [name, "WITH", _, behind @ ..] | [name, behind @ ..] => {
            *rest = behind;
            ALLOWED.contains(name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_needs_one_and_a_sum_needs_all() {
        assert!(is_allowed("MIT OR GPL-3.0-only"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("(GPL-2.0-only OR MIT) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!is_allowed("MIT AND GPL-3.0-only"));
        assert!(!is_allowed("GPL-3.0-only OR MIT AND AGPL-3.0-only"));
        assert!(!is_allowed(""));
    }

    #[test]
    fn a_licence_off_the_list_is_found() {
        let package = |licence: Option<&str>| Package {
            name: "x".to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            is_ours: false,
            is_of_product: true,
            uses: Vec::new(),
            declares: Vec::new(),
            roots: Vec::new(),
        };
        let found = check(&[
            package(Some("AGPL-3.0-only")),
            package(None),
            package(Some("MIT")),
        ]);
        assert_eq!(found.len(), 2);
    }
}
