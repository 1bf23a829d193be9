//! A small server of the dialect, right in all that the checks look at, until a switch makes one
//! thing wrong. It shares nothing with Claviger.

pub(crate) mod mutation;
mod control;
mod oidc;
mod pages;
mod portal;
mod reply;
mod state;
mod token;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use self::{mutation::Mutation, reply::Reply, state::State};

/// The control token of every wrong server.
pub(crate) const CONTROL_TOKEN: &str = "control";

/// A running wrong server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

/// A request, read whole.
#[derive(Debug)]
struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

impl Wrong {
    /// Starts one, with one switch on or with none.
    pub(crate) async fn start(mutation: Option<Mutation>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::new(url.clone(), mutation)));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { url, serving }
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let query = parts.uri.query().unwrap_or_default();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: parts.headers,
        body: body.unwrap_or_default(),
    };
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let reply = route(&mut state, &call);
    Ok(reply.finish(&mut state, &call))
}

fn route(state: &mut State, call: &Call) -> Reply {
    let method = call.method.as_str();
    match (method, call.path.as_str()) {
        (_, path) if path.starts_with("/_dev/") => control::route(state, call),
        ("POST", "/client/register") => oidc::respond(state, call, oidc::register),
        ("POST", "/device_authorization") => oidc::respond(state, call, oidc::start_device),
        ("POST", "/token") => oidc::respond(state, call, token::create_token),
        ("GET", "/assignment/accounts" | "/assignment/roles" | "/federation/credentials")
        | ("POST", "/logout") => portal::respond(state, call),
        ("GET" | "HEAD", "/start" | "/start/" | "/device" | "/authorize") => {
            pages::respond(state, call)
        }
        (
            _,
            "/client/register"
            | "/device_authorization"
            | "/token"
            | "/logout"
            | "/assignment/accounts"
            | "/assignment/roles"
            | "/federation/credentials",
        ) if !state.is(Mutation::WrongMethodIs404) => {
            Reply::refuse("UnknownOperationException", 405)
        }
        _ if state.is(Mutation::HtmlForUnknownRoute) => Reply::html(404, "Not found"),
        _ => Reply::refuse("UnknownOperationException", 404),
    }
}
