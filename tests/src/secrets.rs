//! What must never be found again: every secret that callers of one server sent or received.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

/// Alice's password at every instance, which `claviger dev` shows.
pub const PASSWORD: &str = "correct horse";

/// Members of JSON bodies that are secrets.
const MEMBERS: [&str; 19] = [
    "clientSecret",
    "deviceCode",
    "userCode",
    "code",
    "codeVerifier",
    "accessToken",
    "refreshToken",
    "secretAccessKey",
    "sessionToken",
    "idToken",
    "password",
    "client_secret",
    "device_code",
    "user_code",
    "code_verifier",
    "access_token",
    "refresh_token",
    "id_token",
    "token",
];

/// The shortest text worth looking for: shorter ones turn up by chance.
const SHORTEST: usize = 8;

/// A list that callers add to as they speak.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    /// Adds one secret.
    pub fn add(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.insert(secret.to_owned());
        }
    }

    /// Adds the secret members of a JSON body, at any depth.
    pub fn add_members(&self, body: &[u8]) {
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            self.walk(&value);
        }
    }

    /// Adds the secret fields of a form.
    pub fn add_fields(&self, fields: &[(String, String)]) {
        let secret = fields
            .iter()
            .filter(|(name, _)| MEMBERS.contains(&name.as_str()));
        secret.for_each(|(_, value)| self.add(value));
    }

    /// All of them.
    pub fn all(&self) -> Vec<String> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().cloned().collect()
    }

    /// All but what `claviger dev` shows its person: the password of its people, user codes.
    pub fn all_but_shown(&self) -> Vec<String> {
        let is_user_code =
            |text: &str| text.len() == 9 && text.split('-').all(|part| part.len() == 4);
        let mut secrets = self.all();
        secrets.retain(|secret| secret != PASSWORD && !is_user_code(secret));
        secrets
    }

    fn walk(&self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if MEMBERS.contains(&name.as_str()) => self.add(text),
                        other => self.walk(other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            _ => {}
        }
    }
}
