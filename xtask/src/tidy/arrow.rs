//! Arrows between the modules of one crate: they point down, and so close no circle.
//!
//! A module may use what is declared above it, at every level of the tree, and its own children.
//! It may not use its parent: what siblings share has a file of its own.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::rust::module::Module;

/// Every arrow that points up.
pub(crate) fn check(modules: &[Module]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in modules {
        for used in &module.uses {
            let Some(target) = resolve(modules, &used.segments) else {
                continue;
            };
            let Some(why) = objection(modules, &module.path, target) else {
                continue;
            };
            let circle = if reaches(modules, target, &module.path) {
                "; that closes a circle"
            } else {
                ""
            };
            let says = format!(
                "{} uses {}, {why}{circle}",
                name(&module.path),
                name(target)
            );
            findings.push(Finding::at(&module.file, used.line, says));
        }
    }
    findings
}

/// The module that a path leads to: its longest beginning that is one.
fn resolve<'a>(modules: &'a [Module], segments: &[String]) -> Option<&'a [String]> {
    (0..=segments.len()).rev().find_map(|length| {
        let beginning = segments.get(..length)?;
        find(modules, beginning).map(|module| module.path.as_slice())
    })
}

fn find<'a>(modules: &'a [Module], path: &[String]) -> Option<&'a Module> {
    modules.iter().find(|module| module.path == path)
}

/// Why `from` may not use `to`, or nothing when it may.
fn objection(modules: &[Module], from: &[String], to: &[String]) -> Option<&'static str> {
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let (Some(mine), Some(theirs)) = (from.get(shared), to.get(shared)) else {
        let is_parent = to.len() < from.len();
        return is_parent.then_some("its parent; give what they share a file of its own");
    };
    let children = &find(modules, from.get(..shared)?)?.children;
    let place = |name: &String| children.iter().position(|child| child == name);
    (place(theirs) >= place(mine)).then_some("which is declared below it; arrows point down")
}

/// Whether arrows lead from `start` to `goal`, over any number of modules.
fn reaches(modules: &[Module], start: &[String], goal: &[String]) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(path) = open.pop() {
        if path == goal {
            return true;
        }
        if let (true, Some(module)) = (seen.insert(path), find(modules, path)) {
            open.extend(
                module
                    .uses
                    .iter()
                    .filter_map(|used| resolve(modules, &used.segments)),
            );
        }
    }
    false
}

fn name(path: &[String]) -> String {
    if path.is_empty() {
        "the root".to_owned()
    } else {
        path.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A crate of these files; what tidy says about its arrows.
    fn said(files: &[(&str, &str)]) -> Vec<String> {
        let directory = std::env::temp_dir().join(format!(
            "claviger-tidy-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        for (name, source) in files {
            let file = directory.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, source).unwrap();
        }
        let modules = crate::rust::module::read(&directory.join("lib.rs")).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        check(&modules).iter().map(ToString::to_string).collect()
    }

    fn only(files: &[(&str, &str)]) -> String {
        let said = said(files);
        assert_eq!(said.len(), 1, "{said:?}");
        said.into_iter().next().unwrap()
    }

    #[test]
    fn downward_arrows_pass() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::B;"),
            ("a.rs", "pub struct A;"),
            ("b/mod.rs", "pub mod c; pub mod d; pub use self::d::D as B;"),
            ("b/c.rs", "use crate::a::A; /* crate::b::d */"),
            (
                "b/d.rs",
                "use super::c; use crate::a; #[cfg(test)] mod tests { use super::*; }",
            ),
        ];
        assert_eq!(said(&files), Vec::<String>::new());
    }

    #[test]
    fn an_upward_arrow_is_found() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "\nuse crate::b::B;"),
            ("b.rs", ""),
        ];
        let said = only(&files);
        assert!(
            said.contains("a.rs:2: a uses b, which is declared below it"),
            "{said}"
        );
        assert!(!said.contains("circle"), "{said}");
    }

    #[test]
    fn a_circle_is_found_and_named() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "fn f() { crate::c::g() }"),
            ("b.rs", "use crate::a;"),
            ("c.rs", "use crate::{b::B, a};"),
        ];
        assert!(only(&files).ends_with("arrows point down; that closes a circle"));
    }

    #[test]
    fn a_child_may_not_use_its_parent() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; struct A;"),
            ("a/b.rs", "use super::A;"),
        ];
        assert!(only(&files).contains("a::b uses a, its parent"));
        let files = [("lib.rs", "mod a; struct A;"), ("a.rs", "use crate::A;")];
        assert!(only(&files).contains("a uses the root, its parent"));
    }

    #[test]
    fn a_child_may_not_use_what_its_parent_may_not() {
        let files = [
            ("lib.rs", "mod a; mod z;"),
            ("a/mod.rs", "mod b;"),
            ("a/b.rs", "use crate::z;"),
            ("z.rs", ""),
        ];
        assert!(only(&files).contains("a::b uses z, which is declared below it"));
    }

    #[test]
    fn a_module_in_braces_counts_too() {
        let files = [(
            "lib.rs",
            "mod a { fn f() { super::b::g() } } mod b { pub fn g() {} }",
        )];
        assert!(only(&files).contains("a uses b"));
    }
}
