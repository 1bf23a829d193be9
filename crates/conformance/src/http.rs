//! Requests as clients send them: no redirect is followed, no cookie kept.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls_pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Url;

use crate::{
    answer::Answer,
    flaw::{Checked, Flaw},
};

/// How long an answer may take: several times what any server should need.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than any answer of the dialect holds, in bytes.
const ANSWER_LIMIT: usize = 4 << 20;

/// Nothing answers at the address.
#[derive(Debug, thiserror::Error)]
#[error("{url} cannot be reached: {because}")]
pub struct Unreachable {
    url: Url,
    because: String,
}

/// A server's address, and a way there.
#[derive(Clone, Debug)]
pub struct Http {
    url: Url,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Http {
    /// A way to `url`. Over https the certificate must be of one of `roots`, or of one that the
    /// machine trusts where there are none.
    ///
    /// # Errors
    ///
    /// When the machine has no trusted certificates that can be read, or one of `roots` is none.
    pub fn new(url: Url, roots: Vec<CertificateDer<'static>>) -> std::io::Result<Self> {
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
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self {
            url,
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The server's address, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Whether `url` is of this server.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.url.origin()
    }

    /// Whether anything answers at all.
    pub(crate) async fn reach(&self) -> Result<(), Unreachable> {
        let asked = self.send(Call::get("/")).await;
        asked.map(|_| ()).map_err(|flaw| Unreachable {
            url: self.url.clone(),
            because: match flaw {
                Flaw::Wrong(because) | Flaw::Skipped(because) => because,
            },
        })
    }

    /// Sends a request. No answer is a flaw of the server.
    pub(crate) async fn send(&self, call: Call) -> Checked<Answer> {
        let target = call.target.split('?').next().unwrap_or_default();
        let path = target.strip_prefix(self.base());
        let path = path.filter(|path| path.starts_with('/'));
        let what = format!("{} {}", call.method, path.unwrap_or(target));
        let uri = if call.target.starts_with('/') {
            format!("{}{}", self.base(), call.target)
        } else {
            call.target
        };
        let mut request = Request::builder().method(call.method).uri(uri);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let none = |because: String| Flaw::Wrong(format!("{what} got no answer: {because}"));
        let request = request
            .body(Full::new(call.body))
            .map_err(|error| none(error.to_string()))?;
        let exchange = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| none(root(&error)))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT).collect().await;
            let body = body.map_err(|error| none(root(&*error)))?.to_bytes();
            Ok((parts, body))
        };
        let late = |_| none(format!("{} seconds passed", PATIENCE.as_secs()));
        let (parts, body) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(late)??;
        Ok(Answer { what, parts, body })
    }
}

/// The innermost cause, which is the one that says something.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// A request before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    target: String,
    headers: Vec<(&'static str, HeaderValue)>,
    body: Bytes,
}

impl Call {
    fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn head(target: impl Into<String>) -> Self {
        Self::new(Method::HEAD, target)
    }

    pub(crate) fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    /// Adds a header; one that cannot be sent is left out.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// A body, with its media type.
    pub(crate) fn body(self, kind: &str, body: impl Into<Bytes>) -> Self {
        let mut call = self.header(header::CONTENT_TYPE.as_str(), kind);
        call.body = body.into();
        call
    }

    /// A body without a media type, as old clients send it.
    pub(crate) fn bare_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.body("application/x-www-form-urlencoded", encode(fields))
    }
}

/// Fields as a form or a query has them.
pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(fields).finish()
}
