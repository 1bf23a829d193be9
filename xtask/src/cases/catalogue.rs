//! The catalogue of security cases: every id, what it asks in a few words, and how it stands.

/// The catalogue as it is kept: a file of lines, see its head.
const TEXT: &str = include_str!("catalogue.txt");

/// A group of cases that share three letters.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) letters: &'static str,
    pub(crate) title: &'static str,
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// `REF-02`.
    pub(crate) id: &'static str,
    pub(crate) standing: Standing,
    pub(crate) about: &'static str,
}

/// Whether a case needs a test by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Blocks every merge.
    Core,
    /// Wanted, blocks a release.
    Open,
    /// Its surface does not exist yet.
    Later,
}

/// Reads the catalogue. A line that fits no form is left out, which a unit test forbids.
pub(crate) fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in lines() {
        if let Some((letters, title)) = line.split_once(": ").filter(|_| line.starts_with("== ")) {
            let letters = letters.trim_start_matches("== ");
            groups.push(Group {
                letters,
                title,
                cases: Vec::new(),
            });
        } else if let (Some(case), Some(group)) = (read(line), groups.last_mut()) {
            group.cases.push(case);
        }
    }
    groups
}

fn lines() -> impl Iterator<Item = &'static str> {
    TEXT.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn read(line: &'static str) -> Option<Case> {
    let (id, rest) = line.split_once(' ')?;
    let (standing, about) = rest.split_once(' ')?;
    let standing = match standing {
        "core" => Standing::Core,
        "open" => Standing::Open,
        "later" => Standing::Later,
        _ => return None,
    };
    Some(Case {
        id,
        standing,
        about,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_ids_run_without_a_gap() {
        let groups = groups();
        let mut count = 0;
        for group in &groups {
            for (number, case) in group.cases.iter().enumerate() {
                assert_eq!(case.id, format!("{}-{:02}", group.letters, number + 1));
            }
            count += 1 + group.cases.len();
        }
        assert_eq!(count, lines().count());
    }

    #[test]
    fn the_catalogue_is_whole() {
        let groups = groups();
        let sizes: Vec<String> = groups
            .iter()
            .map(|group| format!("{}{}", group.letters, group.cases.len()))
            .collect();
        assert_eq!(
            sizes.join(" "),
            "REG13 URI8 AUT24 DEV28 TOK13 REF23 ACC9 POR17 SGN20 FED13 SIG11 ADM9 HTP15 RES10 \
             LEA7 HDR6 SSR5 MET6 SUP4"
        );
    }
}
