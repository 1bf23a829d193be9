//! Words and signs of a file, each with its line and whether only tests see it.

use std::ops::Range;

/// A word or a sign; `::` is one sign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Inside an item marked `#[cfg(test)]`.
    pub(crate) is_test: bool,
}

/// Cuts code (see [`super::text`]) into tokens.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if rest.starts_with("::") {
                2
            } else {
                word(rest).max(first.len_utf8())
            };
            let (text, behind) = rest.split_at(length);
            tokens.push(Token {
                text: text.to_owned(),
                line: number + 1,
                is_test: false,
            });
            rest = behind.trim_start();
        }
    }
    mark_tests(&mut tokens);
    tokens
}

/// The attributes of a file, each as the range of its tokens without the brackets.
pub(crate) fn attributes(tokens: &[Token]) -> Vec<Range<usize>> {
    (0..tokens.len())
        .filter_map(|at| attribute(tokens, at))
        .collect()
}

/// The text of the token at `at`, or nothing behind the end.
pub(crate) fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

/// The attribute that begins at `at`: the range between its brackets.
fn attribute(tokens: &[Token], at: usize) -> Option<Range<usize>> {
    if text(tokens, at) != "#" {
        return None;
    }
    let open = if text(tokens, at + 1) == "!" {
        at + 2
    } else {
        at + 1
    };
    (text(tokens, open) == "[").then(|| open + 1..closing(tokens, open))
}

/// The token that closes the bracket at `open`.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

fn mark_tests(tokens: &mut [Token]) {
    let starts: Vec<usize> = attributes(tokens)
        .into_iter()
        .filter(|range| is_for_tests(tokens.get(range.clone()).unwrap_or_default()))
        .map(|range| range.start)
        .collect();
    for start in starts {
        let end = item_end(tokens, start - 2);
        for token in tokens.iter_mut().take(end + 1).skip(start) {
            token.is_test = true;
        }
    }
}

/// `cfg(test)`, `cfg(all(test, …))`; not `cfg(not(test))`.
fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.text == word);
    text(attribute, 0) == "cfg" && has("test") && !has("not")
}

/// The last token of the item whose first attribute begins at `at`.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while let Some(range) = attribute(tokens, at) {
        at = range.end + 1;
    }
    loop {
        match text(tokens, at) {
            "" | ";" | "," | "}" | ")" => return at,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_tests(code: &str) -> String {
        let all = tokens(code);
        let words: Vec<&str> = all
            .iter()
            .filter(|t| t.is_test)
            .map(|t| t.text.as_str())
            .collect();
        words.join(" ")
    }

    #[test]
    fn a_test_module_is_marked_to_its_last_brace() {
        let code = "a();\n#[cfg(test)]\nmod tests { fn f() { [0; 2]; } }\nb();";
        assert_eq!(
            of_tests(code),
            "cfg ( test ) ] mod tests { fn f ( ) { [ 0 ; 2 ] ; } }"
        );
    }

    #[test]
    fn what_is_not_for_tests_stays_unmarked() {
        assert_eq!(
            of_tests("#[cfg(not(test))] fn f() {} #[test] fn g() {}"),
            ""
        );
    }

    #[test]
    fn an_item_ends_at_its_own_semicolon() {
        let code = "#[cfg(test)] #[expect(x)] const A: [u8; 2] = B; c";
        assert!(of_tests(code).ends_with("= B ;"));
    }
}
