//! The keys that verify our ID tokens and web identity tokens.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use claviger_wire::jose::{self, Key};
use http::Response;

use crate::app::App;

pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Response<Body> {
    let published = app.context.keys.published(app.context.now());
    let keys = published.iter().flat_map(|keys| {
        let rsa = keys.id_token_rsa.as_ref().map(Key::Rsa);
        let derived = [&keys.web_identity, &keys.id_token].map(Key::P256);
        derived.into_iter().chain(rsa)
    });
    let told = app.told_keys.of(&published, || jose::encode_jwks(keys));
    told.map(Body::from)
}
