//! What the server says of itself: the document of OpenID Connect Discovery, and that of RFC 8414.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    flaw::{Checked, Flaw},
    http::{Call, Http},
};

/// A document, or why there is none.
type Document = Checked<Map<String, Value>>;

/// Both of them.
#[derive(Debug)]
pub(super) struct Documents {
    /// `/.well-known/openid-configuration`.
    pub(super) openid: Document,
    /// `/.well-known/oauth-authorization-server`.
    pub(super) oauth: Document,
}

/// Without these there is nothing to check.
const REQUIRED: [&str; 2] = ["authorization_endpoint", "token_endpoint"];

impl Documents {
    pub(super) async fn read(http: &Http) -> Self {
        Self {
            openid: read(
                http,
                format!("{}/.well-known/openid-configuration", http.base()),
            )
            .await,
            oauth: read(
                http,
                inserted(http.base(), ".well-known/oauth-authorization-server"),
            )
            .await,
        }
    }

    /// Those that there are.
    pub(super) fn all(&self) -> impl Iterator<Item = &Map<String, Value>> {
        [&self.openid, &self.oauth].into_iter().flatten()
    }

    /// The one that clients go by.
    pub(super) fn told(&self) -> Checked<&Map<String, Value>> {
        let either = self.openid.as_ref().or(self.oauth.as_ref());
        either.map_err(Clone::clone)
    }

    /// A text; a server without it is one that does not do that.
    pub(super) fn text(&self, name: &str) -> Checked<&str> {
        let missing = format!("the metadata name no `{name}`");
        let told = self.told()?.get(name).and_then(Value::as_str);
        told.ok_or_else(|| {
            if REQUIRED.contains(&name) {
                Flaw::Wrong(missing)
            } else {
                Flaw::Skipped(missing)
            }
        })
    }

    /// A list of texts, where it is told.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let told = self.told().ok()?.get(name)?.as_array()?;
        Some(told.iter().filter_map(Value::as_str).collect())
    }

    /// A list of texts, or what it is where it is not told.
    pub(super) fn list_or<'a>(&'a self, name: &str, otherwise: &[&'a str]) -> Vec<&'a str> {
        self.list(name).unwrap_or_else(|| otherwise.to_vec())
    }
}

async fn read(http: &Http, url: String) -> Document {
    http.send(Call::get(url)).await?.granted()
}

/// An address with words put between its host and its path (RFC 8414 §3.1).
fn inserted(base: &str, words: &str) -> String {
    let Ok(mut url) = base.parse::<Url>() else {
        return base.to_owned();
    };
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/{words}{path}"));
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_go_before_the_path() {
        let urls = ["https://a.example", "https://a.example/b/c"];
        let inserted = urls.map(|url| inserted(url, ".well-known/x"));
        assert_eq!(
            inserted,
            [
                "https://a.example/.well-known/x",
                "https://a.example/.well-known/x/b/c"
            ]
        );
    }
}
