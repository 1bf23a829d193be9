//! One Rust file: does it say what it is for, is it short enough, does it hide nothing?

use std::path::Path;

use super::finding::Finding;
use crate::rust::text::{self, Text};
use crate::rust::token::{self, Token};

/// How many lines of code a file may have, tests apart.
const LONGEST: usize = 500;

/// Files over the limit, each with its reason. Keep it empty.
pub(crate) const LONG: &[(&str, &str)] = &[];

/// Test files that wait by the clock, each with the reason why no condition would do.
pub(crate) const SLEEPERS: &[(&str, &str)] = &[
    (
        "tests/store/sqlite/disk.rs",
        "polls the health of the writer thread, to a deadline",
    ),
    (
        "tests/store/sqlite/witness.rs",
        "polls a file that a thread writes, to a deadline",
    ),
    (
        "tests/src/child.rs",
        "polls the end of a process and a caller's condition, to a deadline",
    ),
    (
        "tests/src/instance.rs",
        "polls the readiness of a process, to a deadline",
    ),
    ("tests/src/proxy.rs", "is a network that is slow"),
    ("tests/shim/src/lib.rs", "is a disk that is slow"),
    (
        "tests/cli/serve.rs",
        "polls the readiness of a process, to a deadline",
    ),
    (
        "tests/e2e/crash/caller.rs",
        "repeats a request to a server that is being killed, to a deadline",
    ),
    (
        "tests/e2e/crash/nodes.rs",
        "stops a process for a time of chance: nothing is waited for",
    ),
    (
        "tests/e2e/crash/run.rs",
        "kills at moments of chance: nothing is waited for",
    ),
];

/// A Rust file of the tree.
pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    /// As the lists name it: from the root, with forward slashes.
    pub(crate) name: &'a str,
    pub(crate) source: &'a str,
    /// The whole file is test code: it lies in the test package or is called `tests.rs`.
    pub(crate) is_test: bool,
}

/// Everything against this file.
pub(crate) fn check(file: &File<'_>) -> Vec<Finding> {
    let text = text::split(file.source);
    let tokens = token::tokens(&text.code);
    let mut findings = Vec::new();
    findings.extend(docs(file));
    findings.extend(length(file, &tokens));
    findings.extend(notes(file, &text));
    findings.extend(attributes(file, &tokens));
    findings.extend(sleeps(file, &tokens));
    findings
}

fn docs(file: &File<'_>) -> Option<Finding> {
    let first = file
        .source
        .lines()
        .find(|line| !line.trim().is_empty() && !is_attribute(line));
    let has = first.is_some_and(|line| {
        line.trim_start()
            .strip_prefix("//!")
            .is_some_and(|doc| !doc.trim().is_empty())
    });
    let says = "begin with `//!`: what this file is for and what it deliberately does not do";
    (!has).then(|| Finding::at(file.path, 1, says))
}

fn is_attribute(line: &str) -> bool {
    line.trim_start().starts_with("#![")
}

fn length(file: &File<'_>, tokens: &[Token]) -> Option<Finding> {
    let mut lines: Vec<usize> = tokens
        .iter()
        .filter(|token| !token.is_test)
        .map(|token| token.line)
        .collect();
    lines.dedup();
    let listed = LONG.iter().any(|(name, _)| *name == file.name);
    (lines.len() > LONGEST && !file.is_test && !listed).then(|| {
        let says = format!(
            "{} lines of code, more than {LONGEST}: part it, or list it in tidy/file.rs with a reason",
            lines.len()
        );
        Finding::at(file.path, 0, says)
    })
}

/// A note of work left names an issue: `(#12)` or `issue 12` on its line.
fn notes(file: &File<'_>, text: &Text) -> Vec<Finding> {
    let lines = text.comments.iter().flat_map(|(first, comment)| {
        comment
            .lines()
            .enumerate()
            .map(move |(offset, line)| (first + offset, line))
    });
    lines
        .filter(|(_, line)| is_note(line) && !names_issue(line))
        .map(|(line, _)| Finding::at(file.path, line, "work left undone names its issue: `(#12)`"))
        .collect()
}

fn is_note(line: &str) -> bool {
    let said = line.trim_start_matches(['/', '*', '!', ' ']);
    ["TODO", "FIXME"].iter().any(|word| {
        said.starts_with(word)
            || line.contains(&format!("{word}:"))
            || line.contains(&format!("{word}("))
    })
}

fn names_issue(line: &str) -> bool {
    let digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    ["#", "issue "]
        .iter()
        .any(|mark| line.split(mark).skip(1).any(digit))
}

fn attributes(file: &File<'_>, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for range in token::attributes(tokens) {
        let line = tokens.get(range.start).map_or(0, |token| token.line);
        let words: Vec<&str> = range.clone().map(|at| token::text(tokens, at)).collect();
        let has = |word: &str| words.first() == Some(&word) || is_conditional(&words, word);
        if has("ignore") {
            findings.push(Finding::at(
                file.path,
                line,
                "no test is skipped: make it run or delete it",
            ));
        }
        if has("allow") {
            let says =
                "use `#[expect(…, reason = \"…\")]`, which complains when it is needed no more";
            findings.push(Finding::at(file.path, line, says));
        }
        // A suite that is mounted once per driver names its files by path, and a fuzz target mounts
        // decoders of the binary, which is no library.
        if has("path") && !file.is_test && !file.name.starts_with("fuzz/") {
            findings.push(Finding::at(
                file.path,
                line,
                "a module lies where its name says",
            ));
        }
    }
    findings
}

fn is_conditional(words: &[&str], word: &str) -> bool {
    words.first() == Some(&"cfg_attr") && words.contains(&word)
}

fn sleeps(file: &File<'_>, tokens: &[Token]) -> Vec<Finding> {
    if SLEEPERS.iter().any(|(name, _)| *name == file.name) {
        return Vec::new();
    }
    let is_sleep = |token: &&Token| matches!(token.text.as_str(), "sleep" | "sleep_until");
    let says =
        "a test waits for a condition or moves the clock; or list it in tidy/file.rs with a reason";
    let mut lines: Vec<usize> = tokens
        .iter()
        .filter(|token| file.is_test || token.is_test)
        .filter(is_sleep)
        .map(|token| token.line)
        .collect();
    lines.dedup();
    lines
        .into_iter()
        .map(|line| Finding::at(file.path, line, says))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: &str, is_test: bool) -> Vec<String> {
        let file = File {
            path: Path::new("x.rs"),
            name: "x.rs",
            source,
            is_test,
        };
        check(&file).iter().map(ToString::to_string).collect()
    }

    fn only(source: &str) -> String {
        let said = said(source, false);
        assert_eq!(said.len(), 1, "{said:?}");
        said.into_iter().next().unwrap()
    }

    #[test]
    fn a_clean_file_passes() {
        let source = "#![expect(x)]\n//! What it is.\n\n// TODO(#12): more.\nfn f() { sleep(); }\n";
        assert_eq!(said(source, false), Vec::<String>::new());
    }

    #[test]
    fn a_missing_doc_is_found() {
        assert!(only("fn f() {}").contains("begin with `//!`"));
        assert!(only("//!\nfn f() {}").contains("begin with `//!`"));
        assert!(only("/// Item docs.\nfn f() {}").contains("begin with `//!`"));
    }

    #[test]
    fn code_over_the_limit_is_found_and_tests_are_not_counted() {
        let long = format!("//! Doc.\n{}", "f();\n".repeat(LONGEST + 1));
        assert!(only(&long).contains("501 lines of code"));
        let tests = format!(
            "//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "f();\n".repeat(LONGEST)
        );
        assert_eq!(said(&tests, false), Vec::<String>::new());
        assert_eq!(said(&long, true), Vec::<String>::new());
    }

    #[test]
    fn a_note_without_an_issue_is_found() {
        assert!(only("//! Doc.\n// TODO later\n").starts_with("x.rs:2: work left undone"));
        assert!(only("//! Doc.\nf(); // and FIXME: this\n").starts_with("x.rs:2: "));
    }

    #[test]
    fn a_skipped_test_is_found() {
        assert!(only("//! Doc.\n#[test]\n#[ignore = \"slow\"]\nfn f() {}").contains("skipped"));
        assert!(only("//! Doc.\n#[cfg_attr(linux, ignore)]\nfn f() {}").contains("skipped"));
    }

    #[test]
    fn a_module_under_another_path_is_found_outside_the_suites() {
        let source = "//! Doc.\n#[path = \"y.rs\"]\nmod x;";
        assert!(only(source).contains("a module lies where its name says"));
        assert_eq!(said(source, true), Vec::<String>::new());
    }

    #[test]
    fn a_silent_exemption_is_found() {
        assert!(only("//! Doc.\n#[allow(dead_code)]\nfn f() {}").contains("use `#[expect("));
        assert!(only("//! Doc.\n#![allow(dead_code)]\nfn f() {}").contains("use `#[expect("));
    }

    #[test]
    fn a_sleep_in_a_test_is_found() {
        let source = "//! Doc.\nuse tokio::time::sleep;\n";
        assert_eq!(said(source, false), Vec::<String>::new());
        assert!(
            said(source, true)
                .concat()
                .contains("x.rs:2: a test waits for a condition")
        );
        let inside = "//! Doc.\n#[cfg(test)]\nmod tests { fn f() { std::thread::sleep(x); } }\n";
        assert!(only(inside).contains("x.rs:3: a test waits"));
    }
}
