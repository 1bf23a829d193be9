//! Deciding by the server's own pages: a name and a password, and the buttons that they show.
//!
//! Works with every server whose pages need no script. A form with a password field is the
//! sign-in, a button that says yes or no is the decision, anything else is filled in already.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use html5gum::{Token, Tokenizer};
use tokio::sync::Mutex;
use url::Url;

use super::decision::{Decision, address};
use crate::{
    answer::Answer,
    flaw::{Checked, Flaw, demand},
    http::{Call, Http, encode},
};

/// How many pages a decision may take.
const PAGES: usize = 10;

/// What buttons say that approve and that deny.
const YES: &[&str] = &[
    "approve",
    "allow",
    "confirm",
    "accept",
    "authorize",
    "continue",
];
const NO: &[&str] = &["deny", "reject", "cancel", "decline", "refuse", "abort"];

/// A person's name and password, and the browser that holds the session.
#[derive(Debug)]
pub struct Pages {
    user: String,
    password: String,
    cookies: Mutex<BTreeMap<String, String>>,
    /// A password that was refused is never sent again: the person would be throttled.
    is_refused: AtomicBool,
}

/// A form of a page, as it stands there.
#[derive(Debug, Default)]
struct Form {
    id: Option<String>,
    action: String,
    posts: bool,
    fields: Vec<Field>,
    buttons: Vec<Button>,
}

#[derive(Debug)]
struct Field {
    kind: String,
    name: String,
    value: String,
}

/// A button, and the field that pressing it adds.
#[derive(Debug, Default)]
struct Button {
    text: String,
    field: Option<(String, String)>,
}

impl Form {
    fn asks_for(&self, kind: &str) -> bool {
        self.fields.iter().any(|field| field.kind == kind)
    }

    /// The button that says one of `words`.
    fn button(&self, words: &[&str]) -> Option<&Button> {
        let says = |button: &&Button| {
            let text = button.text.to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        self.buttons.iter().find(says)
    }
}

impl Pages {
    /// Somebody who can sign in.
    pub const fn new(user: String, password: String) -> Self {
        Self {
            user,
            password,
            cookies: Mutex::const_new(BTreeMap::new()),
            is_refused: AtomicBool::new(false),
        }
    }

    pub(super) async fn decide(&self, http: &Http, url: &str, decision: Decision) -> Checked {
        self.walk(http, url, decision).await.map(|_| ())
    }

    pub(super) async fn authorize(
        &self,
        http: &Http,
        url: &str,
        decision: Decision,
    ) -> Checked<Url> {
        let back = self.walk(http, url, decision).await?;
        back.ok_or_else(|| Flaw::Wrong("the pages lead nowhere after the decision".to_owned()))
    }

    /// Goes from page to page until the decision is made; answers where the browser leaves the
    /// server, if it does.
    async fn walk(&self, http: &Http, url: &str, decision: Decision) -> Checked<Option<Url>> {
        let words = if decision == Decision::Approve {
            YES
        } else {
            NO
        };
        let mut here = address(url)?;
        let mut call = Call::get(here.as_str());
        let (mut is_decided, mut has_signed_in) = (false, false);
        for _ in 0..PAGES {
            let answer = self.send(http, &here, call).await?;
            if let Some(location) = answer.header("location") {
                let next = here
                    .join(location)
                    .map_err(|_| answer.wrong("Location is no URL"))?;
                if !http.is_own(&next) {
                    return Ok(Some(next));
                }
                here = next;
                call = Call::get(here.as_str());
                continue;
            }
            let forms = forms(&String::from_utf8_lossy(&answer.body));
            let asks = forms.iter().any(|form| form.asks_for("password"));
            if has_signed_in && asks {
                self.is_refused.store(true, Ordering::Relaxed);
            }
            self.may_sign_in(asks)?;
            demand!(answer.status() < 400, "{}, in a browser", answer.told());
            let decides = |form: &&Form| form.button(words).is_some();
            // Some servers ask again before they take the decision for one.
            if is_decided && !forms.iter().any(|form| decides(&form)) {
                return Ok(None);
            }
            let form = if let Some(form) = forms.iter().find(|form| form.asks_for("password")) {
                has_signed_in = true;
                form
            } else if let Some(form) = forms.iter().find(decides) {
                is_decided = true;
                form
            } else {
                let typed = forms.iter().find(|form| form.asks_for("text"));
                typed.ok_or_else(|| answer.wrong("its page has nothing to press"))?
            };
            let pressed = form.button(words).filter(|_| is_decided);
            let fields = self.fill(form, pressed);
            let fields = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            let mut next = here
                .join(&form.action)
                .map_err(|_| answer.wrong("its form leads nowhere"))?;
            call = if form.posts {
                let origin = next.origin().ascii_serialization();
                Call::post(next.as_str())
                    .header("origin", &origin)
                    .form(fields)
            } else {
                next.set_query(Some(&encode(fields)));
                Call::get(next.as_str())
            };
            here = next;
        }
        Err(Flaw::Wrong(format!(
            "{url}: no decision after {PAGES} pages"
        )))
    }

    /// Whether a page that asks for the password can be answered.
    fn may_sign_in(&self, asks: bool) -> Checked {
        demand!(
            !asks || !self.is_refused.load(Ordering::Relaxed),
            "the server does not let {} in with this password; look at --user and --password-file",
            self.user
        );
        Ok(())
    }

    /// What a form is sent with.
    fn fill(&self, form: &Form, pressed: Option<&Button>) -> Vec<(String, String)> {
        let is_sign_in = form.asks_for("password");
        let value = |field: &Field| match field.kind.as_str() {
            "password" => self.password.clone(),
            "text" | "email" if is_sign_in => self.user.clone(),
            _ => field.value.clone(),
        };
        let fields = form
            .fields
            .iter()
            .map(|field| (field.name.clone(), value(field)));
        fields
            .chain(pressed.and_then(|button| button.field.clone()))
            .collect()
    }

    /// Sends a request with the cookies and keeps those of the answer.
    async fn send(&self, http: &Http, url: &Url, call: Call) -> Checked<Answer> {
        demand!(http.is_own(url), "{url} is not of the checked server");
        let mut cookies = self.cookies.lock().await;
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join("; ");
        let call = call.header("cookie", &pairs).header("accept", "text/html");
        let answer = http
            .send(call.header("sec-fetch-site", "same-origin"))
            .await?;
        for cookie in answer.parts.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap_or_default();
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// The forms of a page.
fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    // The form that is open, and the one whose button is.
    let (mut inside, mut pressed) = (None, None);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| text(value));
                match tag.name.as_slice() {
                    b"form" => {
                        let method = attribute(b"method").unwrap_or_default();
                        inside = Some(forms.len());
                        forms.push(Form {
                            id: attribute(b"id"),
                            action: attribute(b"action").unwrap_or_default(),
                            posts: method.eq_ignore_ascii_case("post"),
                            ..Form::default()
                        });
                    }
                    b"input" | b"textarea" => {
                        let Some(form) = inside.and_then(|at: usize| forms.get_mut(at)) else {
                            continue;
                        };
                        let kind = attribute(b"type").unwrap_or_else(|| "text".to_owned());
                        let value = attribute(b"value").unwrap_or_default();
                        match (kind.as_str(), attribute(b"name")) {
                            ("submit", name) => form.buttons.push(Button {
                                text: value.clone(),
                                field: name.map(|name| (name, value)),
                            }),
                            (_, Some(name)) => form.fields.push(Field { kind, name, value }),
                            (_, None) => {}
                        }
                    }
                    b"button" => {
                        // A button may stand anywhere and name its form.
                        let named = attribute(b"form");
                        let is_named = |form: &Form| form.id == named;
                        pressed = match named {
                            Some(_) => forms.iter().position(is_named),
                            None => inside,
                        };
                        let value = attribute(b"value").unwrap_or_default();
                        if let Some(form) = pressed.and_then(|at| forms.get_mut(at)) {
                            form.buttons.push(Button {
                                text: String::new(),
                                field: attribute(b"name").map(|name| (name, value)),
                            });
                        }
                    }
                    _ => {}
                }
            }
            Token::EndTag(tag) => match tag.name.as_slice() {
                b"form" => inside = None,
                b"button" => pressed = None,
                _ => {}
            },
            Token::String(words) => {
                let form = pressed.and_then(|at| forms.get_mut(at));
                if let Some(button) = form.and_then(|form| form.buttons.last_mut()) {
                    button.text.push_str(&text(&words));
                }
            }
            _ => {}
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_with_fields_and_buttons() {
        let page = r#"<form method="post" action="/a?x=1&amp;y=2"><input type=hidden name="t" value="a&#34;b">
            <input name='user' required><button name="answer" value="yes" type="submit"><b>Approve</b> it</button>
            <button>Deny</button></form><button>Approve nothing</button>
            <form id="other"></form><button form="other">Cancel</button>"#;
        let read = forms(page);
        let [form, other] = read.as_slice() else {
            panic!("two forms, not {read:?}");
        };
        assert_eq!(form.buttons.len(), 2);
        assert!(other.button(NO).is_some());
        assert_eq!(form.action, "/a?x=1&y=2");
        assert!(form.posts);
        assert_eq!(form.fields[0].value, "a\"b");
        assert!(form.asks_for("text") && !form.asks_for("password"));
        let yes = form.button(YES).and_then(|button| button.field.clone());
        assert_eq!(yes, Some(("answer".to_owned(), "yes".to_owned())));
        assert_eq!(
            form.button(NO).map(|button| button.text.as_str()),
            Some("Deny")
        );
    }
}
