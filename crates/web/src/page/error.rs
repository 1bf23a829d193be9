//! Pages that say what went wrong and what to do next.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use crate::app::App;

/// A page of `status` that says `because`.
pub(crate) fn status(_app: &App, status: StatusCode, because: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(because));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// Pages are at one host only (HTP-10).
pub(crate) fn elsewhere(app: &App) -> Response<Body> {
    let because = "This service has another address. Use the start URL that you were given.";
    status(app, StatusCode::MISDIRECTED_REQUEST, because)
}

/// We broke.
pub(crate) fn broken(app: &App) -> Response<Body> {
    let because = "Something broke here. Try again; if it stays, tell your administrator.";
    status(app, StatusCode::INTERNAL_SERVER_ERROR, because)
}
