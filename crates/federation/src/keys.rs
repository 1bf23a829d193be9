//! The keys of one issuer, kept for a while and fetched anew when a key is asked for that is not among
//! them, but never often (FED-06 to FED-08).

use std::{
    sync::{MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use url::Url;

use crate::fetch::Fetch;

/// How long keys are used without being fetched anew: a key that the issuer has withdrawn is refused
/// after this.
const KEPT: Duration = Duration::from_hours(1);

/// How long one fetch is the last, whoever asks and for whatever.
const BETWEEN: Duration = Duration::from_mins(1);

/// The most keys that are read of an issuer.
const MOST: usize = 100;

/// Where keys come from.
pub(crate) struct Source {
    pub(crate) fetch: Fetch,
    /// The issuer, as its tokens spell it.
    pub(crate) issuer: String,
    /// Where its discovery document is.
    pub(crate) discovery: Url,
}

/// What is known of them. Whoever asks for a known key never waits for a fetch.
#[derive(Default)]
pub(crate) struct Keys {
    known: std::sync::Mutex<Known>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Jwk>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
    problem: String,
}

/// A key, or why there is none.
pub(crate) enum Found {
    Key(Box<Jwk>),
    /// The issuer does not have it.
    Unknown,
    /// The issuer's keys cannot be had.
    Unavailable(String),
}

impl Keys {
    pub(crate) async fn find(&self, source: &Source, kid: &str) -> Found {
        let known = self.known().answer(kid);
        if let Found::Key(_) = known {
            return known;
        }
        let _one = self.fetching.lock().await;
        let again = self.known().tried.is_none_or(|at| at.elapsed() >= BETWEEN);
        if again {
            self.known().tried = Some(Instant::now());
            let read = read(source).await;
            self.known().learn(source, read);
        }
        self.known().answer(kid)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn answer(&self, kid: &str) -> Found {
        if self.fetched.is_none_or(|at| at.elapsed() >= KEPT) {
            return Found::Unavailable(self.problem.clone());
        }
        let mut named = self
            .keys
            .iter()
            .filter(|key| key.common.key_id.as_deref() == Some(kid));
        match (named.next(), named.next()) {
            (Some(key), None) => Found::Key(Box::new(key.clone())),
            // It may be one of those that could not be had.
            _ if !self.problem.is_empty() => Found::Unavailable(self.problem.clone()),
            _ => Found::Unknown,
        }
    }

    fn learn(&mut self, source: &Source, read: Result<Vec<Jwk>, String>) {
        match read {
            Ok(keys) => {
                self.keys = keys;
                self.problem.clear();
                self.fetched = Some(Instant::now());
            }
            Err(problem) => {
                tracing::warn!(
                    issuer = source.issuer,
                    problem,
                    "the keys of an issuer cannot be had"
                );
                self.problem = problem;
            }
        }
    }
}

async fn read(source: &Source) -> Result<Vec<Jwk>, String> {
    let document = source.fetch.json(&source.discovery).await?;
    if document.get("issuer").and_then(Value::as_str) != Some(&source.issuer) {
        return Err("its discovery document is another issuer's".to_owned());
    }
    let address = document.get("jwks_uri").and_then(Value::as_str);
    let address = address.and_then(|address| Url::parse(address).ok());
    let address = address.filter(|address| address.scheme() == "https");
    let address = address.ok_or("its discovery document names no jwks_uri over https")?;
    let mut set = source.fetch.json(&address).await?;
    // Keys of kinds that we do not know are no trouble as long as nobody signs with them.
    let keys = set.get_mut("keys").map(Value::take);
    let Some(Value::Array(keys)) = keys else {
        return Err("its keys are no key set".to_owned());
    };
    let keys = keys.into_iter().take(MOST);
    let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
    Ok(keys.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fed_06_a_key_that_may_be_among_those_that_cannot_be_had_is_nobodys_mistake() {
        let mut known = Known {
            fetched: Some(Instant::now()),
            ..Known::default()
        };
        assert!(matches!(known.answer("next"), Found::Unknown));
        known.problem = "it answered 500".to_owned();
        assert!(matches!(known.answer("next"), Found::Unavailable(_)));
        assert!(matches!(
            Known::default().answer("first"),
            Found::Unavailable(_)
        ));
    }
}
