//! The one list of routes.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use claviger_wire::aws::error::{self, Face};
use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use crate::{
    api::{sso_oidc, sso_portal, web_identity},
    app::App,
    layer::gate::face_of,
    page,
};

/// The routes of the public listener.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(
            "/client/register",
            post(sso_oidc::register_client).fallback(wrong_method),
        )
        .route(
            "/device_authorization",
            post(sso_oidc::start_device_authorization).fallback(wrong_method),
        )
        .route(
            "/token",
            post(sso_oidc::create_token).fallback(wrong_method),
        )
        .route(
            "/assignment/accounts",
            get(sso_portal::list_accounts).fallback(wrong_method),
        )
        .route(
            "/assignment/roles",
            get(sso_portal::list_account_roles).fallback(wrong_method),
        )
        .route(
            "/federation/credentials",
            get(sso_portal::get_role_credentials).fallback(wrong_method),
        )
        .route("/logout", post(sso_portal::logout).fallback(wrong_method))
        .route(
            "/.well-known/openid-configuration",
            get(web_identity::discovery),
        )
        .route("/jwks", get(web_identity::jwks))
        .merge(page::routes::router())
        .fallback(unknown_path)
        .with_state(app)
}

async fn wrong_method(parts: Parts) -> Response<Body> {
    let face = face_of(parts.uri.path()).unwrap_or(Face::Oidc);
    let allowed = match parts.uri.path() {
        "/assignment/accounts" | "/assignment/roles" | "/federation/credentials" => "GET,HEAD",
        _ => "POST",
    };
    let mut response = error::unknown_operation(face, StatusCode::METHOD_NOT_ALLOWED);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    response.map(Body::from)
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
    error::unknown_operation(Face::Oidc, StatusCode::NOT_FOUND).map(Body::from)
}
