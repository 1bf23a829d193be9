//! Parts code from comments and literals, so that neither is taken for code.

/// A source file with its comments and literals set apart.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// The code: comments gone, literals emptied, every line where it was.
    pub(crate) code: String,
    /// Each comment with the line on which it begins, counted from 1.
    pub(crate) comments: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits `source`.
pub(crate) fn split(source: &str) -> Text {
    let mut text = Text::default();
    let mut line = 1;
    let mut rest = source;
    while !rest.is_empty() {
        let (kind, length) = piece(rest);
        let (this, behind) = rest.split_at(length);
        let breaks = this.matches('\n').count();
        match kind {
            Kind::Code => text.code.push_str(this),
            Kind::Comment => text.comments.push((line, this.to_owned())),
            Kind::Literal => text.code.push_str("\"\""),
        }
        if kind != Kind::Code {
            text.code.push_str(&"\n".repeat(breaks));
        }
        line += breaks;
        rest = behind;
    }
    text
}

/// The next piece: what it is and how many bytes it takes (at least one).
fn piece(rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if rest.starts_with('"') {
        return (Kind::Literal, quoted(rest, '"'));
    }
    if rest.starts_with('\'') {
        return tick(rest);
    }
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    if word == 0 {
        return (Kind::Code, rest.chars().next().map_or(1, char::len_utf8));
    }
    let (name, behind) = rest.split_at(word);
    let literal = match name {
        "r" | "br" | "cr" => raw(behind),
        "b" | "c" if behind.starts_with('"') => Some(quoted(behind, '"')),
        "b" if behind.starts_with('\'') => Some(quoted(behind, '\'')),
        _ => None,
    };
    literal.map_or((Kind::Code, word), |length| (Kind::Literal, word + length))
}

/// A block comment, with those inside it.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A string or character, from its opening quote to the closing one.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A raw string behind its `r`, or nothing when it is a raw identifier.
fn raw(rest: &str) -> Option<usize> {
    let hashes = rest.chars().take_while(|c| *c == '#').count();
    let body = rest.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(
        body.find(&end)
            .map_or(rest.len(), |at| hashes + 1 + at + end.len()),
    )
}

/// A character, or the tick of a lifetime.
fn tick(rest: &str) -> (Kind, usize) {
    let mut chars = rest.chars().skip(1);
    let is_character = match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    };
    if is_character {
        (Kind::Literal, quoted(rest, '\''))
    } else {
        (Kind::Code, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = split("a // b\n/* c /* d */ */ e(\"f // g\", r#\"h\"i\"#, b'j', '\\'', 'k')");
        assert_eq!(text.code, "a \n e(\"\", \"\", \"\", \"\", \"\")");
        assert_eq!(
            text.comments,
            [(1, "// b".to_owned()), (2, "/* c /* d */ */".to_owned())]
        );
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        let source = "fn f<'a>(r#type: &'a str) {}";
        assert_eq!(split(source).code, source);
    }

    #[test]
    fn lines_stay_where_they_were() {
        let text = split("let a = \"\n\n\"; // x\nb");
        assert_eq!(text.code.lines().count(), 4);
        assert_eq!(text.comments, [(3, "// x".to_owned())]);
    }
}
