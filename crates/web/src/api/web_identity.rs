//! The keys that verify our ID tokens and web identity tokens.

use std::sync::Arc;

use axum::{body::Body, extract::State};
use claviger_wire::jose;
use http::Response;

use crate::app::App;

pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Response<Body> {
    let published = app.context.keys.published(app.context.now());
    let told = app
        .told_keys
        .of(&published, || jose::encode_jwks(&published));
    told.map(Body::from)
}
