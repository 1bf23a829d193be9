//! The way back to an application that sent a person to `/authorize`.

use askama::Template;
use axum::body::Body;
use claviger_engine::authorize::{self, AuthorizeError, AuthorizeRequest, Redirection};
use claviger_model::redirect_uri::RedirectUri;
use claviger_wire::authorize::decode_query;
use http::{Response, StatusCode};

use super::frame::{Frame, hide_referrer, leave, page};
use crate::app::App;

#[derive(Template)]
#[template(path = "onward.html")]
struct Onward<'a> {
    frame: Frame,
    location: &'a str,
}

/// Sends the browser back. To `[::1]` it goes by a page: no Content-Security-Policy can name
/// that address, so Chromium would stop the redirect that follows a form.
pub(super) fn send(app: &App, redirection: &Redirection) -> Response<Body> {
    let location = redirection.location.reveal();
    if !redirection.redirect_uri.is_ipv6() {
        return leave(app, location);
    }
    let template = Onward {
        frame: Frame::anonymous(app),
        location,
    };
    let mut response = page(app, StatusCode::OK, &template, None);
    hide_referrer(response.headers_mut());
    response
}

/// The request of an application that goes on at `next`.
pub(super) fn request_of(
    app: &App,
    next: &str,
) -> Option<Result<AuthorizeRequest, AuthorizeError>> {
    let raw = next.strip_prefix("/authorize?")?;
    let query = decode_query(raw, &app.context.keys);
    Some(authorize::check(&app.context, &query))
}

/// Where the chain that goes on with a request may end up: the sign-in form must be allowed to lead
/// there, since Chromium holds every redirect after a form to the form's policy (SETTLED).
pub(super) fn end_of(request: &Result<AuthorizeRequest, AuthorizeError>) -> Option<&RedirectUri> {
    match request {
        Ok(request) => Some(&request.redirect_uri),
        Err(AuthorizeError::Redirect(redirection)) => Some(&redirection.redirect_uri),
        Err(AuthorizeError::Page(_)) => None,
    }
}
