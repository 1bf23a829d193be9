//! A client of the server under check, and how it shows that it is itself (RFC 6749 §2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    http::{Call, encode},
    sent::Query,
};

/// How a client shows that it is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `none`.
    None,
}

impl Shown {
    pub(super) const ALL: [Self; 3] = [Self::Basic, Self::Post, Self::None];

    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::None => "none",
        }
    }
}

/// A registration.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) id: String,
    /// Empty where it has none.
    pub(super) secret: String,
    pub(super) shown: Shown,
}

impl Client {
    /// The same client with another secret.
    pub(super) fn with_secret(&self, secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..self.clone()
        }
    }

    /// The same client, showing itself in another way.
    pub(super) fn shown(&self, shown: Shown) -> Self {
        Self {
            shown,
            ..self.clone()
        }
    }

    /// A call with these fields, as this client makes it.
    pub(super) fn call(&self, call: Call, mut fields: Query) -> Call {
        if self.shown != Shown::Basic {
            fields.push(("client_id", self.id.clone()));
        }
        if self.shown == Shown::Post {
            fields.push(("client_secret", self.secret.clone()));
        }
        let call = form(call, &fields);
        if self.shown == Shown::Basic {
            call.header("authorization", &self.basic())
        } else {
            call
        }
    }

    /// Its header, both parts encoded as a form's (RFC 6749 §2.3.1).
    fn basic(&self) -> String {
        let [id, secret] = [&self.id, &self.secret].map(|part| {
            let field = encode([("", part.as_str())]);
            field.trim_start_matches('=').to_owned()
        });
        format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
    }
}

/// A call with these fields, as nobody.
pub(super) fn form(call: Call, fields: &Query) -> Call {
    call.form(fields.iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_encodes_both_parts() {
        let client = Client {
            id: "a:b".to_owned(),
            secret: "=c d".to_owned(),
            shown: Shown::Basic,
        };
        let expected = format!("Basic {}", STANDARD.encode("a%3Ab:%3Dc+d"));
        assert_eq!(client.basic(), expected);
    }
}
