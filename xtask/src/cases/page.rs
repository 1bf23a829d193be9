//! Writes docs/security-cases.md: a table per group, each case with the tests that passed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::catalogue::{Case, Group, Standing};
use super::name;

const HEAD: &str = "\
# Security cases

Which case is proven by which test. Written by `cargo xtask cases --write` from the results of a
test run: a test that did not pass is not here. *Core* cases block every merge.
";

/// The names of the tests that passed, by id.
pub(crate) struct Proven(BTreeMap<String, BTreeSet<String>>);

impl Proven {
    /// Sorts the tests of a run by the ids that they bear.
    pub(crate) fn new(groups: &[Group], passed: &[String]) -> Self {
        let known: BTreeSet<&str> = cases(groups).map(|case| case.id).collect();
        let mut by_id: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for test in passed {
            for id in name::ids(test, |id| known.contains(id)) {
                by_id.entry(id).or_default().insert(test.clone());
            }
        }
        Self(by_id)
    }

    /// Core cases that no test proves.
    pub(crate) fn unproven<'a>(&self, groups: &'a [Group]) -> Vec<&'a Case> {
        let core = cases(groups).filter(|case| case.standing == Standing::Core);
        core.filter(|case| !self.0.contains_key(case.id)).collect()
    }

    fn cell(&self, case: &Case) -> String {
        match (self.0.get(case.id), case.standing) {
            (Some(tests), _) => {
                let quoted: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
                quoted.join("<br>")
            }
            (None, Standing::Core) => "**no test yet**".to_owned(),
            (None, Standing::Open) => "no test yet".to_owned(),
            (None, Standing::Later) => "waits for a later issue".to_owned(),
        }
    }
}

fn cases(groups: &[Group]) -> impl Iterator<Item = &Case> {
    groups.iter().flat_map(|group| &group.cases)
}

/// The whole page.
pub(crate) fn render(groups: &[Group], proven: &Proven) -> String {
    let mut page = HEAD.to_owned();
    let _ = writeln!(
        page,
        "\n| group | cases | proven | later |\n|---|---|---|---|"
    );
    for group in groups {
        let with_test = group
            .cases
            .iter()
            .filter(|case| proven.0.contains_key(case.id))
            .count();
        let later = group
            .cases
            .iter()
            .filter(|case| case.standing == Standing::Later)
            .count();
        let (letters, total) = (group.letters, group.cases.len());
        let _ = writeln!(page, "| {letters} | {total} | {with_test} | {later} |");
    }
    for group in groups {
        let _ = writeln!(page, "\n## {}: {}\n", group.letters, group.title);
        let _ = writeln!(page, "| id | asks | tests that passed |\n|---|---|---|");
        for case in &group.cases {
            let core = if case.standing == Standing::Core {
                " *core*"
            } else {
                ""
            };
            let _ = writeln!(
                page,
                "| {}{core} | {} | {} |",
                case.id,
                case.about,
                proven.cell(case)
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::catalogue;

    #[test]
    fn a_page_tells_proven_missing_and_waiting() {
        let groups = catalogue::groups();
        let passed = ["b::ref_02_b".to_owned(), "a::ref_02_a".to_owned()];
        let proven = Proven::new(&groups, &passed);
        let page = render(&groups, &proven);
        let row = |id: &str| {
            page.lines()
                .find(|line| line.starts_with(&format!("| {id} ")))
                .unwrap()
        };
        assert!(row("REF-02").ends_with("| `a::ref_02_a`<br>`b::ref_02_b` |"));
        assert!(row("REF-01").ends_with("| **no test yet** |"));
        assert!(row("FED-01").ends_with("| waits for a later issue |"));
        assert!(
            proven
                .unproven(&groups)
                .iter()
                .any(|case| case.id == "REF-01")
        );
        assert!(
            !proven
                .unproven(&groups)
                .iter()
                .any(|case| case.id == "REF-02")
        );
    }
}
