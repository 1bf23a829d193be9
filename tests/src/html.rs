//! Just enough HTML to read a page's forms, links and text.

use std::collections::BTreeMap;

/// A form of a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is sent; the page itself when empty.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// Its fields in their order, buttons apart.
    pub fields: Vec<(String, String)>,
    /// The fields that a person fills in, with the type of each.
    pub inputs: Vec<(String, String)>,
    /// Its buttons: text, and the field that pressing it adds.
    pub buttons: Vec<(String, Option<(String, String)>)>,
}

impl Form {
    /// Fills a field in.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => value.clone_into(own),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Fills in the first field of that type: `text`, `password`, `search`.
    #[must_use]
    pub fn fill_first(self, kind: &str, value: &str) -> Self {
        let found = self
            .inputs
            .iter()
            .find(|(_, own)| own == kind)
            .map(|(name, _)| name.clone());
        let name = found.unwrap_or_else(|| panic!("no field of type {kind} in {self:?}"));
        self.fill(&name, value)
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Presses the button whose text holds `text`.
    #[must_use]
    pub fn press(mut self, text: &str) -> Self {
        let pressed = self.buttons.iter().find(|(own, _)| own.contains(text));
        let (_, field) = pressed.unwrap_or_else(|| panic!("no button {text} in {self:?}"));
        self.fields.extend(field.clone());
        self
    }
}

/// A tag as it was written.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its name, in lower case; with a slash when it closes.
    pub name: String,
    /// Its attributes, character references resolved.
    pub attributes: BTreeMap<String, String>,
    /// The text up to the next tag.
    pub text: String,
}

/// The forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in tags(html) {
        let attribute = |name: &str| tag.attributes.get(name).cloned();
        match (tag.name.as_str(), forms.last_mut()) {
            ("form", _) => {
                inside = true;
                forms.push(Form {
                    action: attribute("action").unwrap_or_default(),
                    method: attribute("method").unwrap_or_default().to_lowercase(),
                    fields: Vec::new(),
                    inputs: Vec::new(),
                    buttons: Vec::new(),
                });
            }
            ("/form", _) => inside = false,
            ("input" | "textarea", Some(form)) if inside => {
                if let Some(name) = attribute("name") {
                    let kind = attribute("type").unwrap_or_else(|| "text".to_owned());
                    if kind != "hidden" {
                        form.inputs.push((name.clone(), kind));
                    }
                    form.fields
                        .push((name, attribute("value").unwrap_or_default()));
                }
            }
            ("button", Some(form)) if inside => {
                let field =
                    attribute("name").map(|name| (name, attribute("value").unwrap_or_default()));
                form.buttons.push((tag.text.trim().to_owned(), field));
            }
            _ => {}
        }
    }
    forms
}

/// The targets of a page's links.
pub fn links(html: &str) -> Vec<String> {
    tags(html)
        .into_iter()
        .filter(|tag| tag.name == "a")
        .filter_map(|tag| tag.attributes.get("href").cloned())
        .collect()
}

/// What a person reads: text without tags, character references resolved, spaces joined.
pub fn text(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        out.push_str(before);
        out.push(' ');
        rest = tag
            .find('>')
            .and_then(|end| tag.get(end + 1..))
            .unwrap_or_default();
    }
    out.push_str(rest);
    unescape(&out)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Every tag with its attributes and the text up to the next tag.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    for part in html.split('<').skip(1) {
        let Some(end) = end_of_tag(part) else {
            continue;
        };
        let (inside, text) = part.split_at(end);
        let inside = inside.trim_end_matches('/');
        let name_end = inside.find(char::is_whitespace).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(name_end);
        tags.push(Tag {
            name: name.to_lowercase(),
            attributes: read_attributes(attributes),
            text: unescape(text.get(1..).unwrap_or_default()),
        });
    }
    tags
}

/// The `>` that ends a tag: one outside of quotes.
fn end_of_tag(part: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in part.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn read_attributes(text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('=') {
            None => (String::new(), after),
            Some(value) => read_value(value.trim_start()),
        };
        attributes.insert(name.to_lowercase(), value);
        // A stray character must not hold the reader up.
        rest = if left.len() == rest.len() {
            left.get(1..).unwrap_or_default()
        } else {
            left
        };
        rest = rest.trim_start();
    }
    attributes
}

fn read_value(text: &str) -> (String, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let end = quoted.find(quote).unwrap_or(quoted.len());
            let (value, left) = quoted.split_at(end);
            return (unescape(value), left.get(1..).unwrap_or_default());
        }
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (value, left) = text.split_at(end);
    (unescape(value), left)
}

/// Resolves the character references that escaping writes.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let resolved = from
            .find(';')
            .and_then(|end| Some((reference(from.get(1..end)?)?, end)));
        let (c, length) = resolved.map_or(('&', 1), |(c, end)| (c, end + 1));
        out.push(c);
        rest = from.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_with_fields_and_buttons() {
        let page = r#"<form method="post" action="/a?x=1&amp;y=2"><input type=hidden name="t" value="a&#34;b">
            <input name='user' required><button name="answer" value="yes" type="submit">Approve it</button>
            <button>Plain</button></form><p>1 &lt; 2 <a href="/next">go</a></p>"#;
        let [form] = forms(page).try_into().expect("one form");
        assert_eq!(
            (form.action.as_str(), form.method.as_str()),
            ("/a?x=1&y=2", "post")
        );
        assert_eq!(form.value("t"), Some("a\"b"));
        let pressed = form.fill_first("text", "alice").press("Approve");
        assert_eq!(pressed.value("answer"), Some("yes"));
        assert_eq!(pressed.value("user"), Some("alice"));
        assert_eq!(links(page), ["/next"]);
        assert_eq!(text("<p>1 &lt; 2</p>  <b>x</b>"), "1 < 2 x");
    }
}
