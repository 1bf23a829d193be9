//! The keys of one issuer, kept for a while and fetched anew when a key is asked for that is not among
//! them, but never often (FED-06 to FED-08).

use std::sync::{Arc, MutexGuard, PoisonError};

use claviger_model::{
    port::clock::Clock,
    time::{Lifetime, Timestamp},
};
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use url::Url;

use crate::fetch::Fetch;

/// How long keys are used without being fetched anew: a key that the issuer has withdrawn is refused
/// after this.
const KEPT: Lifetime = Lifetime::hours(1);

/// How long one fetch is the last, whoever asks and for whatever.
const BETWEEN: Lifetime = Lifetime::minutes(1);

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
pub(crate) struct Keys {
    source: Source,
    clock: Arc<dyn Clock>,
    known: std::sync::Mutex<Known>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Jwk>,
    fetched: Option<Timestamp>,
    tried: Option<Timestamp>,
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
    pub(crate) fn of(source: Source, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            known: std::sync::Mutex::default(),
            fetching: Arc::default(),
        }
    }

    pub(crate) async fn find(self: Arc<Self>, kid: &str) -> Found {
        let known = self.known().answer(kid, self.clock.now());
        if let Found::Key(_) = known {
            return known;
        }
        let one = Arc::clone(&self.fetching).lock_owned().await;
        let now = self.clock.now();
        if !is_within(self.known().tried, BETWEEN, now) {
            self.known().tried = Some(now);
            let keys = Arc::clone(&self);
            // A fetch goes on when whoever waits for it has left: the next one has its keys.
            let fetching = tokio::spawn(async move {
                let read = read(&keys.source).await;
                let now = keys.clock.now();
                keys.known().learn(&keys.source, read, now);
                drop(one);
            });
            if fetching.await.is_err() {
                return Found::Unavailable("the search was broken off".to_owned());
            }
        }
        self.known().answer(kid, self.clock.now())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether that was less than `span` ago. A clock that went back makes it long ago.
fn is_within(at: Option<Timestamp>, span: Lifetime, now: Timestamp) -> bool {
    at.is_some_and(|at| (0..i64::from(span.as_seconds())).contains(&now.seconds_since(at)))
}

impl Known {
    fn answer(&self, kid: &str, now: Timestamp) -> Found {
        if !is_within(self.fetched, KEPT, now) {
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

    fn learn(&mut self, source: &Source, read: Result<Vec<Jwk>, String>, now: Timestamp) {
        match read {
            Ok(keys) => {
                self.keys = keys;
                self.problem.clear();
                self.fetched = Some(now);
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
        let now = Timestamp::from_epoch_seconds(1_000_000);
        let mut known = Known {
            fetched: Some(now),
            ..Known::default()
        };
        assert!(matches!(known.answer("next", now), Found::Unknown));
        known.problem = "it answered 500".to_owned();
        assert!(matches!(known.answer("next", now), Found::Unavailable(_)));
        assert!(matches!(
            Known::default().answer("first", now),
            Found::Unavailable(_)
        ));
    }
}
