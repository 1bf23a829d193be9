//! A port where a small server of the suite listens.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// A port that nobody answers at yet.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) url: String,
    listener: TcpListener,
}

/// A port that somebody answers at, until this is dropped.
#[derive(Debug)]
pub(crate) struct Served(JoinHandle<()>);

/// A request, read whole.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }

    async fn read(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: fields(parts.uri.query().unwrap_or_default().as_bytes()),
            headers: parts.headers,
            body: body.unwrap_or_default(),
        }
    }
}

/// The pairs of a query or a form.
pub(crate) fn fields(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

impl Port {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self { url, listener }
    }

    /// Answers every call.
    pub(crate) fn serve<F>(self, answer: impl Fn(Call) -> F + Send + Sync + 'static) -> Served
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        Served(tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                let answer = Arc::clone(&answer);
                let service = service_fn(move |request| {
                    let answer = Arc::clone(&answer);
                    async move { Ok::<_, Infallible>(answer(Call::read(request).await).await) }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        }))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}
