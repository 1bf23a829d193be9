//! Reads the page: its named blocks, and its named tables.

/// The page.
const PAGE: &str = include_str!("../../docs/create-token.md");

const FENCE: &str = "```";

/// A fenced block, named by the comment above it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) text: &'static str,
}

/// All blocks; each must have a name.
pub(crate) fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = PAGE;
    while let Some((before, fenced)) = rest.split_once("\n```") {
        let comment = before.rsplit('\n').next().unwrap_or_default();
        let name = mark(comment, "block");
        let name = name.unwrap_or_else(|| panic!("a block without a name, below {comment:?}"));
        let (language, fenced) = fenced.split_once('\n').expect("a language");
        let end = fenced.find("\n```\n").expect("the end of the block") + 1;
        let (text, after) = fenced.split_at(end);
        found.push(Block {
            name,
            language,
            text,
        });
        rest = after.strip_prefix(FENCE).expect("a fence");
    }
    found
}

/// A block by its name.
pub(crate) fn block(name: &str) -> Block {
    let found = blocks().into_iter().find(|block| block.name == name);
    found.unwrap_or_else(|| panic!("no block {name} in the page"))
}

/// The rows of a table, cell by cell, without its head; code marks are taken off.
pub(crate) fn table(name: &str) -> Vec<Vec<String>> {
    let mut lines = PAGE
        .lines()
        .skip_while(|line| mark(line, "table") != Some(name));
    assert!(lines.next().is_some(), "no table {name} in the page");
    let rows: Vec<_> = lines
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "the table {name} is empty");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_start_matches("| ").trim_end_matches(" |");
    let cells = inner.split(" | ").map(str::trim);
    cells.map(plain).collect()
}

/// A cell without its code marks; escaped ones are text.
fn plain(cell: &str) -> String {
    let unmarked: Vec<_> = cell
        .split("\\`")
        .map(|part| part.replace('`', ""))
        .collect();
    unmarked.join("`")
}

/// The name in `<!-- kind: name -->`.
fn mark(line: &'static str, kind: &str) -> Option<&'static str> {
    let inner = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    inner.strip_prefix(kind)?.strip_prefix(": ")
}

#[test]
fn cells_lose_code_marks_but_not_escaped_ones() {
    assert_eq!(cells(r"| `a`: b | run \`c d\`. |"), ["a: b", "run `c d`."]);
}
