//! Paths that begin in this crate: `crate::a::{b, c::D}`, `super::x`.

use super::token::{Token, closing, text};

/// A path as seen from the root of the crate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// Every path that begins at `at` (a group makes several), read inside module `here`.
pub(crate) fn paths(tokens: &[Token], at: usize, here: &[String]) -> Vec<Path> {
    if text(tokens, at + 1) != "::" || !begins(tokens, at) {
        return Vec::new();
    }
    let mut base = match text(tokens, at) {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        _ => return Vec::new(),
    };
    if text(tokens, at) == "super" {
        base.pop();
    }
    let mut found = Vec::new();
    follow(tokens, at + 2, base, &mut found);
    found
}

/// Not the middle of a longer path, and not `pub(in crate::a)`.
fn begins(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| text(tokens, before));
    before != "::" && before != "in"
}

fn follow(tokens: &[Token], mut at: usize, mut segments: Vec<String>, found: &mut Vec<Path>) {
    loop {
        match text(tokens, at) {
            "{" => return group(tokens, at, &segments, found),
            "super" => {
                segments.pop();
            }
            word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                if word != "self" {
                    segments.push(word.to_owned());
                }
            }
            _ => break,
        }
        if text(tokens, at + 1) != "::" {
            break;
        }
        at += 2;
    }
    let line = tokens.get(at).map_or(0, |token| token.line);
    found.push(Path { segments, line });
}

fn group(tokens: &[Token], open: usize, base: &[String], found: &mut Vec<Path>) {
    let close = closing(tokens, open);
    let mut at = open + 1;
    while at < close {
        follow(tokens, at, base.to_vec(), found);
        while at < close && text(tokens, at) != "," {
            at = if text(tokens, at) == "{" {
                closing(tokens, at) + 1
            } else {
                at + 1
            };
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::token::tokens;

    fn read(code: &str) -> Vec<String> {
        let tokens = tokens(code);
        let here = ["a".to_owned(), "b".to_owned()];
        let all = (0..tokens.len()).flat_map(|at| paths(&tokens, at, &here));
        all.map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_group_is_several_paths() {
        assert_eq!(
            read("use crate::{x::{self, Y}, z as w};"),
            ["x", "x::Y", "z"]
        );
    }

    #[test]
    fn super_and_self_are_seen_from_here() {
        assert_eq!(
            read("super::c::D; super::super::e; self::f"),
            ["a::c::D", "e", "a::b::f"]
        );
    }

    #[test]
    fn visibility_and_foreign_paths_are_none() {
        assert!(read("pub(crate) fn f(); pub(in crate::a) fn g(); std::crate_name::x").is_empty());
    }
}
