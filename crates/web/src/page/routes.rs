//! The one list of pages.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    routing::{MethodRouter, get, post},
};
use http::Response;

use super::{asset, authorize, credentials, device, error, sessions, sign_in, sign_out, start};
use crate::app::App;

/// The routes of the pages.
pub(crate) fn router() -> Router<Arc<App>> {
    let portal = || get(start::show).head(start::head);
    let pages: [(&str, MethodRouter<Arc<App>>); 14] = [
        ("/", get(start::root)),
        ("/start", portal()),
        ("/start/", portal()),
        ("/start/credentials", post(credentials::draw)),
        ("/sign-in", get(sign_in::show).post(sign_in::send)),
        ("/sign-out", get(sign_out::show).post(sign_out::send)),
        ("/device", get(device::show).post(device::look_up)),
        ("/device/approve", post(device::approve)),
        ("/device/deny", post(device::deny)),
        ("/device/done", get(device::done)),
        (
            "/authorize",
            get(authorize::show)
                .head(authorize::head)
                .post(authorize::send),
        ),
        ("/sessions", get(sessions::show)),
        ("/sessions/end", post(sessions::end)),
        ("/assets/{hash}/{name}", get(asset::serve)),
    ];
    pages
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods.fallback(wrong_method))
        })
}

async fn wrong_method(State(app): State<Arc<App>>) -> Response<Body> {
    error::wrong_method(&app)
}
