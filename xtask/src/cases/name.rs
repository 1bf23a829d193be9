//! The ids that a test's name begins with: `por_03_04_and_12_…` is POR-03, POR-04, POR-12.

/// Reads the ids at the beginning of the last part of `name`; `known` ends the list at a number
/// that belongs to the sentence (`dev_06_three_polls`, but also `dev_06_90_polls`).
pub(crate) fn ids(name: &str, known: impl Fn(&str) -> bool) -> Vec<String> {
    let sentence = name.rsplit("::").next().unwrap_or(name);
    let sentence = sentence.strip_prefix("test_").unwrap_or(sentence);
    let mut ids = Vec::new();
    let mut group = String::new();
    for word in sentence.split(['_', ' ', '-']) {
        if is_number(word) {
            let id = format!("{group}-{word}");
            if !known(&id) {
                break;
            }
            ids.push(id);
        } else if word.len() == 3 && word != "and" {
            group = word.to_uppercase();
        } else if word != "and" || ids.is_empty() {
            break;
        }
    }
    ids
}

fn is_number(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> String {
        let known = |id: &str| {
            let number = id
                .split_once('-')
                .and_then(|(_, number)| number.parse().ok());
            id.len() == 6 && number.is_some_and(|number: u32| (1..=28).contains(&number))
        };
        ids(name, known).join(" ")
    }

    #[test]
    fn one_or_several_ids_are_read() {
        assert_eq!(
            read("http::refresh::ref_02_hundred_parallel_refreshes"),
            "REF-02"
        );
        assert_eq!(read("por_03_04_12_bad_input"), "POR-03 POR-04 POR-12");
        assert_eq!(read("aut_05_and_06_wrong_verifier"), "AUT-05 AUT-06");
        assert_eq!(read("aut_16_sgn_17_foreign_forms"), "AUT-16 SGN-17");
        assert_eq!(read("tests/x.py::test_ref_02_processes"), "REF-02");
    }

    #[test]
    fn other_names_have_none() {
        assert_eq!(read("a_second_redemption_is_refused"), "");
        assert_eq!(read("ref_02::helper"), "");
        assert_eq!(read("dev_06_90_polls"), "DEV-06");
        assert_eq!(read("crates/model/src/lib.rs - (line 12)"), "");
    }
}
