//! Pages that say what went wrong and what to do next.
//!
//! The one place where a refusal or failure becomes a page; the wording of the APIs is for
//! programs and stays there.

use askama::Template;
use axum::body::Body;
use claviger_engine::error::{Error, Kind, Refusal};
use http::{HeaderValue, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::{Frame, page, see_other};
use crate::{api::answer::log, app::App};

/// Why a handler stops before its own answer.
pub(crate) enum Stop {
    /// The engine said no or broke.
    Engine(Error),
    /// The person has to sign in first, then go on at this path of ours.
    SignIn(String),
    /// The form was sent by another site (SGN-17).
    Foreign,
    /// The form is not one of this browser's sign-in.
    Stale,
    /// The body is no form.
    NotAForm,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Engine(refusal.into())
    }
}

/// What the inner part of a handler gives.
pub(crate) type Answer = Result<Response<Body>, Stop>;

/// The response to an answer.
pub(crate) fn finish(app: &App, answer: Answer) -> Response<Body> {
    match answer {
        Ok(response) => response,
        Err(Stop::Engine(error)) => refuse(app, &error),
        Err(Stop::SignIn(next)) => {
            let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
            see_other(app, &format!("/sign-in?next={next}"))
        }
        Err(Stop::Foreign) => status(
            app,
            StatusCode::FORBIDDEN,
            "Another site sent this form. Nothing was done. Open the page here and send it again.",
        ),
        Err(Stop::Stale) => status(
            app,
            StatusCode::FORBIDDEN,
            "This form is from another sign-in. Nothing was done. Load the page anew and send it again.",
        ),
        Err(Stop::NotAForm) => status(
            app,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Only forms are taken here. Use the page's own form.",
        ),
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    heading: &'static str,
    because: &'a str,
    start_url: Option<String>,
}

/// The page of a refusal or failure; logged here, once.
fn refuse(app: &App, error: &Error) -> Response<Body> {
    log(error);
    match error {
        Error::Refused(refusal) => {
            let words = words(refusal.kind);
            let because = words.instead.unwrap_or(refusal.because);
            show(app, words.status, words.heading, because)
        }
        Error::Failed(_) => broken(app),
    }
}

/// How pages answer a kind of refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// The status.
    pub(crate) status: StatusCode,
    heading: &'static str,
    /// Said instead of the refusal's own sentence, where that speaks to programs.
    instead: Option<&'static str>,
}

const fn own(status: StatusCode, heading: &'static str) -> Words {
    Words {
        status,
        heading,
        instead: None,
    }
}

const fn instead(status: StatusCode, heading: &'static str, sentence: &'static str) -> Words {
    Words {
        status,
        heading,
        instead: Some(sentence),
    }
}

/// The table; a new kind does not compile before pages answer it.
pub(crate) const fn words(kind: Kind) -> Words {
    match kind {
        Kind::InvalidRequest => own(StatusCode::BAD_REQUEST, "This request cannot be used"),
        Kind::AccessDenied => instead(
            StatusCode::FORBIDDEN,
            "You have no access to this",
            "If you expected to have it, ask your administrator to assign it to you.",
        ),
        Kind::TooManyRequests | Kind::SlowDown => {
            own(StatusCode::TOO_MANY_REQUESTS, "Too many attempts")
        }
        Kind::Unavailable => own(StatusCode::SERVICE_UNAVAILABLE, "Not available right now"),
        Kind::SignatureReplayed => own(StatusCode::FORBIDDEN, "Not allowed"),
        Kind::NotFound => own(StatusCode::NOT_FOUND, "Not found"),
        Kind::ExpiredToken => own(StatusCode::BAD_REQUEST, "This has expired"),
        // Programs' mistakes: no page of ours makes them, so the advice is to begin again.
        Kind::InvalidClient
        | Kind::InvalidClientMetadata
        | Kind::InvalidRedirectUri
        | Kind::InvalidGrant
        | Kind::InvalidScope
        | Kind::UnauthorizedClient
        | Kind::UnsupportedGrantType
        | Kind::AuthorizationPending
        | Kind::InvalidToken => instead(
            StatusCode::BAD_REQUEST,
            "This request cannot be used",
            "Start again from the application that sent you here.",
        ),
    }
}

/// A page of `status` that says `because`.
pub(crate) fn status(app: &App, status: StatusCode, because: &'static str) -> Response<Body> {
    let heading = match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::METHOD_NOT_ALLOWED => "This page is not used that way",
        StatusCode::FORBIDDEN => "This form was not accepted",
        StatusCode::SERVICE_UNAVAILABLE => "Not available right now",
        _ => "This request cannot be used",
    };
    show(app, status, heading, because)
}

fn show(app: &App, status: StatusCode, heading: &'static str, because: &str) -> Response<Body> {
    let template = ErrorPage {
        frame: Frame::anonymous(app),
        heading,
        because,
        start_url: None,
    };
    let mut response = page(app, status, &template, None);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Pages are at one host only (HTP-10).
pub(crate) fn elsewhere(app: &App) -> Response<Body> {
    let template = ErrorPage {
        frame: Frame::anonymous(app),
        heading: "This service has another address",
        because: "It answers people at one address only. Go on there.",
        start_url: Some(app.context.links.start_url()),
    };
    page(app, StatusCode::MISDIRECTED_REQUEST, &template, None)
}

/// We broke.
pub(crate) fn broken(app: &App) -> Response<Body> {
    show(
        app,
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something broke here",
        "It is not your mistake. Try again; if it happens again, tell your administrator when it was.",
    )
}

/// 405, with `Allow` set by the router.
pub(crate) fn wrong_method(app: &App) -> Response<Body> {
    status(
        app,
        StatusCode::METHOD_NOT_ALLOWED,
        "It only takes what its own form sends. Open your accounts and go on from there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_error_status_and_a_heading() {
        for kind in Kind::ALL {
            let words = words(kind);
            assert!(
                words.status.is_client_error() || words.status.is_server_error(),
                "{kind:?}"
            );
            assert!(!words.heading.is_empty(), "{kind:?}");
        }
    }
}
