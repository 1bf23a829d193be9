//! One document of an issuer: over https, without a redirect, small, soon, and JSON.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower::util::BoxCloneSyncService;
use url::{Host, Url};

use crate::address;

/// How long an answer may take in all (FED-06).
const TIME: Duration = Duration::from_secs(5);

/// The longest answer, in bytes (FED-06).
const LONGEST: usize = 256 << 10;

type Resolver = BoxCloneSyncService<Name, std::vec::IntoIter<std::net::SocketAddr>, std::io::Error>;

/// A way to one issuer.
#[derive(Clone)]
pub struct Fetch {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>,
    private: bool,
}

impl Fetch {
    /// A way that trusts `roots`, or what the machine trusts where there are none. `private` lets it
    /// lead into private networks.
    pub fn new(roots: Vec<CertificateDer<'static>>, private: bool) -> std::io::Result<Self> {
        let builder = HttpsConnectorBuilder::new();
        let builder = if roots.is_empty() {
            builder.with_native_roots()?
        } else {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root).map_err(std::io::Error::other)?;
            }
            let config = ClientConfig::builder().with_root_certificates(store);
            builder.with_tls_config(config.with_no_client_auth())
        };
        let resolver = tower::service_fn(move |name: Name| address::resolve(name, private));
        let mut connector = HttpConnector::new_with_resolver(BoxCloneSyncService::new(resolver));
        connector.enforce_http(false);
        let connector = builder
            .https_only()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build(connector),
            private,
        })
    }

    /// The JSON at `url`, or what is wrong with it.
    pub(crate) async fn json(&self, url: &Url) -> Result<Value, String> {
        let asked = tokio::time::timeout(TIME, self.ask(url));
        let answer = asked
            .await
            .map_err(|_| "it took longer than 5 s".to_owned());
        answer?.map_err(|problem| format!("{url}: {problem}"))
    }

    async fn ask(&self, url: &Url) -> Result<Value, String> {
        // Addresses in place of names are not looked up.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if !self.private && literal.is_some_and(|address| !address::is_public(address)) {
            return Err("the address is of a private network".to_owned());
        }
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| chain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status().as_u16()));
        }
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !["application/json", "application/jwk-set+json"].contains(&kind) {
            return Err("it answered no JSON".to_owned());
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| format!("its answer cannot be read: {error}"))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|_| "it answered no JSON".to_owned())
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
