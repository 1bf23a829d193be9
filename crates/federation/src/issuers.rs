//! The port `Issuers` over the configured issuers.

use std::{collections::BTreeMap, sync::Arc};

use claviger_model::{
    application::IssuerName,
    port::{
        clock::Clock,
        future::BoxFuture,
        issuers::{Assertion, Issuers, NotVerified},
    },
    secret::Secret,
};
use url::Url;

use crate::{
    fetch::Fetch,
    keys::{Found, Keys, Source},
    token::Unverified,
};

/// Why an issuer cannot be trusted as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("url {url} must be https without a query, as the issuer's tokens spell it in `iss`")]
pub struct NoIssuer {
    url: String,
}

/// The issuers whose word is taken.
pub struct TrustedIssuers {
    clock: Arc<dyn Clock>,
    by_url: BTreeMap<String, Trusted>,
}

struct Trusted {
    name: IssuerName,
    keys: Arc<Keys>,
}

/// The discovery document of an issuer (OpenID Connect Discovery §4).
fn discovery(issuer: &str) -> Option<Url> {
    let url = Url::parse(issuer).ok()?;
    let plain = url.scheme() == "https" && url.query().is_none() && url.fragment().is_none();
    let plain = plain && url.username().is_empty() && url.password().is_none();
    let base = issuer.trim_end_matches('/');
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .ok()
        .filter(|_| plain)
}

/// Whether an issuer of that address can be asked for its keys.
pub fn check(url: &str) -> Result<(), NoIssuer> {
    discovery(url).map(|_| ()).ok_or_else(|| NoIssuer {
        url: url.to_owned(),
    })
}

impl TrustedIssuers {
    /// None yet. The clock says how old their keys are.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            by_url: BTreeMap::new(),
        }
    }

    /// Trusts one more.
    pub fn trust(&mut self, name: IssuerName, url: &str, fetch: Fetch) -> Result<(), NoIssuer> {
        let discovery = discovery(url).ok_or_else(|| NoIssuer {
            url: url.to_owned(),
        })?;
        let source = Source {
            fetch,
            issuer: url.to_owned(),
            discovery,
        };
        let trusted = Trusted {
            name,
            keys: Arc::new(Keys::of(source, Arc::clone(&self.clock))),
        };
        self.by_url.insert(url.to_owned(), trusted);
        Ok(())
    }

    async fn judge(&self, text: &str) -> Result<Assertion, NotVerified> {
        let token = Unverified::read(text).map_err(NotVerified::Untrusted)?;
        let issuer = self.by_url.get(&token.issuer);
        let issuer = issuer.ok_or(NotVerified::Untrusted("its issuer is not trusted"))?;
        match Arc::clone(&issuer.keys).find(&token.kid).await {
            Found::Key(key) => token
                .verify(&key, &issuer.name)
                .map_err(NotVerified::Untrusted),
            Found::Unknown => Err(NotVerified::Untrusted("its key is not one of the issuer's")),
            Found::Unavailable(detail) => Err(NotVerified::Unavailable {
                issuer: issuer.name.clone(),
                detail,
            }),
        }
    }
}

impl Issuers for TrustedIssuers {
    fn verify<'a>(
        &'a self,
        assertion: &'a Secret,
    ) -> BoxFuture<'a, Result<Assertion, NotVerified>> {
        Box::pin(self.judge(assertion.reveal()))
    }
}
