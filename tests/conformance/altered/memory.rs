//! What passed on the way, and what happens there.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_tests::{http::parameter, issuer::IssuerKey};
use serde_json::{Value, json};

use super::{asked::Asked, mutation::Wrong, told::Told};

/// Everything that passed since something happens, and that.
pub(crate) struct Memory {
    wrong: Option<Wrong>,
    past: Vec<(Asked, Told)>,
    /// Signs ID tokens anew whose claims are altered; the way adds it to the server's own keys.
    key: IssuerKey,
}

impl Memory {
    pub(super) const fn new(key: IssuerKey) -> Self {
        Self {
            wrong: None,
            past: Vec::new(),
            key,
        }
    }

    pub(super) fn turn(&mut self, wrong: Wrong) {
        self.wrong = Some(wrong);
        self.past.clear();
    }

    /// What happens to a request; an answer where it goes no further.
    pub(super) fn before(&self, asked: &mut Asked) -> Option<Told> {
        match self.wrong {
            Some(Wrong::Asks(change)) => {
                change(self, asked);
                None
            }
            Some(Wrong::Instead(answer)) => answer(self, asked),
            Some(Wrong::Tells(_)) | None => None,
        }
    }

    /// What happens to an answer.
    pub(super) fn after(&self, asked: &Asked, told: &mut Told) {
        if asked.is("/jwks")
            && let Some(keys) = told.json.get_mut("keys").and_then(Value::as_array_mut)
        {
            keys.push(json!(self.key.public));
        }
        if let Some(Wrong::Tells(change)) = self.wrong {
            change(self, asked, told);
        }
    }

    pub(super) fn keep(&mut self, asked: Asked, told: Told) {
        self.past.push((asked, told));
    }

    /// The first answer to a request that was like this.
    pub(crate) fn first(&self, like: impl Fn(&Asked, &Told) -> bool) -> Option<&Told> {
        let mut found = self.past.iter().filter(|(asked, told)| like(asked, told));
        found.next().map(|(_, told)| told)
    }

    /// The first answer of the token endpoint to this field.
    pub(crate) fn redeemed(&self, asked: &Asked, name: &str) -> Option<&Told> {
        let value = asked.field(name).filter(|_| asked.is("/token"))?;
        self.first(|own, _| own.is("/token") && own.field(name) == Some(value))
    }

    /// The answer in which a token or a device code was given.
    pub(crate) fn given(&self, credential: &str) -> Option<&Told> {
        self.first(|_, told| is_in(told, credential))
    }

    /// Shows the client whose code or token it is, in the place of whoever asks.
    pub(crate) fn as_its_own(&self, asked: &mut Asked, credential: &str) {
        let owner = self.past.iter().find_map(|(own, told)| {
            if is_in(told, credential) {
                return own.client();
            }
            let code = parameter(told.text("location")?, "code")?;
            let url = own.json.get("url").and_then(Value::as_str)?;
            (code == credential)
                .then(|| parameter(url, "client_id"))
                .flatten()
        });
        let Some(id) = owner else { return };
        let registered = self.first(|_, told| told.text("client_id") == Some(&id));
        let secret = registered.and_then(|told| told.text("client_secret"));
        asked.show(&id, secret);
    }

    /// Alters a claim of the ID token of an answer, which is signed anew.
    pub(crate) fn claim(&self, told: &mut Told, name: &str, change: impl Fn(&Value) -> Value) {
        let token = told.text("id_token");
        let payload = token.and_then(|token| token.split('.').nth(1));
        let claims = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
        let Some(mut claims) = claims else { return };
        claims[name] = change(&claims[name]);
        told.set("id_token", self.key.sign(&claims));
    }
}

fn is_in(told: &Told, credential: &str) -> bool {
    ["access_token", "refresh_token", "device_code"]
        .iter()
        .any(|name| told.text(name) == Some(credential))
}
