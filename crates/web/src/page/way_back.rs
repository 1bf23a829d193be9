//! The way back to an application that sent a person to `/authorize`.

use askama::Template;
use axum::body::Body;
use claviger_engine::authorize::{self, AuthorizeError, AuthorizeQuery, Redirection};
use claviger_model::redirect_uri::RedirectUri;
use claviger_wire::query::Parameters;
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

/// Reads the query of `/authorize`. One that cannot be read at all names no client.
pub(super) fn query(raw: &str) -> AuthorizeQuery {
    let (parameters, repeated) = Parameters::read_lenient(raw).unwrap_or_default();
    let own = |name| parameters.get(name).map(ToOwned::to_owned);
    AuthorizeQuery {
        response_type: own("response_type"),
        client_id: own("client_id"),
        redirect_uri: own("redirect_uri"),
        scope: own("scope"),
        scopes: own("scopes"),
        state: own("state"),
        code_challenge: own("code_challenge"),
        code_challenge_method: own("code_challenge_method"),
        response_mode: own("response_mode"),
        request: own("request"),
        request_uri: own("request_uri"),
        repeated: !repeated.is_empty(),
    }
}

/// Where the chain that goes on at `next` may end up: the sign-in form must be allowed to lead
/// there, since Chromium holds every redirect after a form to the form's policy (SETTLED).
pub(super) fn of_next(app: &App, next: &str) -> Option<RedirectUri> {
    let raw = next.strip_prefix("/authorize?")?;
    match authorize::check(&app.context, &query(raw)) {
        Ok(request) => Some(request.redirect_uri),
        Err(AuthorizeError::Redirect(redirection)) => Some(redirection.redirect_uri),
        Err(AuthorizeError::Page(_)) => None,
    }
}
