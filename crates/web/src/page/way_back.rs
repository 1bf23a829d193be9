//! The way back to an application that sent a person to `/authorize`.

use askama::Template;
use axum::body::Body;
use claviger_engine::authorize::{self, AuthorizeError, Redirection};
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

/// Where the chain that goes on at `next` may end up: the sign-in form must be allowed to lead
/// there, since Chromium holds every redirect after a form to the form's policy (SETTLED).
pub(super) fn of_next(app: &App, next: &str) -> Option<RedirectUri> {
    let raw = next.strip_prefix("/authorize?")?;
    match authorize::check(&app.context, &decode_query(raw, &app.context.keys)) {
        Ok(request) => Some(request.redirect_uri),
        Err(AuthorizeError::Redirect(redirection)) => Some(redirection.redirect_uri),
        Err(AuthorizeError::Page(_)) => None,
    }
}
