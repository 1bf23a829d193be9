//! The routes of pages and of what targets fetch; the operations of the API are in `api/operation`.

use std::sync::Arc;

use axum::{Router, body::Body, extract::State, routing::get};
use bytes::Bytes;
use claviger_wire::face::Face;
use http::{Response, StatusCode, header, request::Parts};

use crate::{
    api::{oauth, web_identity},
    app::App,
    page,
};

/// The routes of the public listener.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(oauth::metadata))
        .route("/jwks", get(web_identity::jwks))
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::metadata),
        )
        .merge(page::routes::router())
        .fallback(unknown_path)
        .with_state(app)
}

/// JSON for programs, a page for people; what the binary mounted comes first.
async fn unknown_path(State(app): State<Arc<App>>, parts: Parts, body: Bytes) -> Response<Body> {
    if parts.uri.path().starts_with("/_dev/") {
        let answered = match &app.mounted {
            Some(mounted) => mounted.answer(&parts, &body).await,
            None => None,
        };
        if let Some(response) = answered {
            return response.map(Body::from);
        }
    }
    let accept = parts
        .headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return page::error::status(
            &app,
            StatusCode::NOT_FOUND,
            "Check the address, or go on from your accounts.",
        );
    }
    Face::Oidc
        .unknown_operation(StatusCode::NOT_FOUND)
        .map(Body::from)
}
