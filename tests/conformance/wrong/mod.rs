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

use std::sync::{Arc, Mutex, PoisonError};

use self::{mutation::Mutation, reply::Reply, state::State};
use crate::listen::{Call, Port, Served};

/// The control token of every wrong server.
pub(crate) const CONTROL_TOKEN: &str = "control";

/// A running wrong server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) url: String,
    _served: Served,
}

impl Wrong {
    /// Starts one, with one switch on or with none.
    pub(crate) async fn start(mutation: Option<Mutation>) -> Self {
        let port = Port::open().await;
        let url = port.url.clone();
        let state = Arc::new(Mutex::new(State::new(url.clone(), mutation)));
        let served = port.serve(move |call| {
            let state = Arc::clone(&state);
            async move {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                let reply = route(&mut state, &call);
                reply.finish(&mut state, &call)
            }
        });
        Self {
            url,
            _served: served,
        }
    }
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
