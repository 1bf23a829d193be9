//! `/sign-in`: name and password.

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use claviger_engine::{
    authorize::{self, AuthorizeRequest},
    context::Context,
    error::{Error, Kind},
    sign_in::{self, PasswordSignIn, SignInDone},
    web_session,
};
use claviger_model::secret::Secret;
use claviger_wire::query::Parameters;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{
    error::{Answer, Stop, words},
    frame::{Frame, page, see_other},
    own_path,
    visit::Visit,
    way_back,
};
use crate::{
    activity::Activity,
    api::answer::log,
    cookie::{self, Cookie},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    purpose: String,
    sealed: &'a str,
    user_name: &'a str,
    error: Option<&'a str>,
}

const NINETY_DAYS: u32 = 90 * 86_400;

/// `GET /sign-in`.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

async fn view(visit: &Visit) -> Answer {
    let next = visit.parameter("next").unwrap_or_default();
    let next = own_path::or_default(&next);
    if visit.person().await?.is_some() {
        return Ok(see_other(&visit.app, next));
    }
    Ok(ask(visit, next))
}

/// The form, for a person who wants to go to `next`.
pub(super) fn ask(visit: &Visit, next: &str) -> Response<Body> {
    form(visit, next, StatusCode::OK, "", None)
}

fn form(
    visit: &Visit,
    next: &str,
    status: StatusCode,
    user_name: &str,
    error: Option<&str>,
) -> Response<Body> {
    let context = visit.context();
    let known = visit.browser();
    let browser = known.unwrap_or_else(|| sign_in::new_browser_id(context));
    let sealed = sign_in::seal_next(context, &browser, next);
    let request = way_back::request_of(&visit.app, next);
    let template = SignInPage {
        frame: Frame::anonymous(&visit.app),
        purpose: match &request {
            Some(Ok(request)) => purpose_of(context, request),
            _ => purpose(next).to_owned(),
        },
        sealed: sealed.reveal(),
        user_name,
        error,
    };
    let leads_to = request.as_ref().and_then(way_back::end_of);
    let mut response = page(&visit.app, status, &template, leads_to);
    if known.is_none() {
        set_browser(visit, response.headers_mut(), &browser);
    }
    response
}

/// What a sign-in for an application's request is for.
fn purpose_of(context: &Context, request: &AuthorizeRequest) -> String {
    if request.subject.is_some() {
        return "The application that sent you here expects the person whom it knows already. Sign in as them."
            .to_owned();
    }
    if authorize::skips_consent(context, request) {
        return format!(
            "Then you go on to {}.",
            request.client.metadata.name.as_str()
        );
    }
    "Then you decide about the application that sent you here.".to_owned()
}

fn purpose(next: &str) -> &'static str {
    match next.split('?').next() {
        Some("/device") => "Then you can approve your device.",
        Some("/authorize") => "Then you decide about the application that sent you here.",
        _ => "Then you see your accounts and roles.",
    }
}

/// `POST /sign-in`.
pub(crate) async fn send(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(sign_in(&visit, &body).await)
}

async fn sign_in(visit: &Visit, body: &Bytes) -> Answer {
    let typed = visit.form(body)?;
    let user_name = typed.get("user_name").unwrap_or_default();
    let Some(next) = opened_next(visit, &typed) else {
        if visit.person().await?.is_some() {
            return Ok(see_other(&visit.app, own_path::DEFAULT));
        }
        let error = "This page was too old, or this browser takes no cookies. Try again.";
        let status = StatusCode::BAD_REQUEST;
        return Ok(form(
            visit,
            own_path::DEFAULT,
            status,
            user_name,
            Some(error),
        ));
    };
    let (Some(name), Some(password)) = (typed.get("user_name"), typed.get("password")) else {
        let error = "Enter your user name and your password.";
        return Ok(form(
            visit,
            &next,
            StatusCode::BAD_REQUEST,
            user_name,
            Some(error),
        ));
    };
    let credentials = PasswordSignIn {
        user_name: name.to_owned(),
        password: Secret::from(password),
        known_browser: visit.cookie(Cookie::Known).map(Secret::from),
    };
    match sign_in::with_password(visit.context(), &visit.requester, credentials).await {
        Ok(done) => welcome(visit, &next, &done).await,
        Err(error) => turn_away(visit, &next, user_name, error),
    }
}

/// Where the form came from wanted to go; nothing for one of another browser or too old
/// (AUT-16, AUT-17).
fn opened_next(visit: &Visit, typed: &Parameters) -> Option<String> {
    let sealed = typed.get("next")?;
    let next = sign_in::open_next(visit.context(), &visit.browser()?, sealed)?;
    Some(own_path::or_default(&next).to_owned())
}

/// Every id that the browser had before is dead or replaced (SGN-15).
async fn welcome(visit: &Visit, next: &str, done: &SignInDone) -> Answer {
    if let Some(before) = visit.person().await? {
        web_session::sign_out(visit.context(), &visit.requester, &before).await?;
    }
    let mut response = see_other(&visit.app, next);
    let https = visit.context().links.is_https();
    let headers = response.headers_mut();
    let session = done.web_session.cookie.reveal();
    headers.append(
        header::SET_COOKIE,
        Cookie::Session.set(session, None, https),
    );
    let known = Cookie::Known.set(done.known_browser.reveal(), Some(NINETY_DAYS), https);
    headers.append(header::SET_COOKIE, known);
    set_browser(visit, headers, &sign_in::new_browser_id(visit.context()));
    visit.app.saw(&Activity::of(
        &done.web_session.signed_in,
        "signed in",
        StatusCode::SEE_OTHER,
    ));
    Ok(response)
}

/// The form again, with the reason, where a person can do something about it.
fn turn_away(visit: &Visit, next: &str, user_name: &str, error: Error) -> Answer {
    match error {
        Error::Refused(refusal)
            if matches!(
                refusal.kind,
                Kind::AccessDenied | Kind::TooManyRequests | Kind::Unavailable
            ) =>
        {
            let status = words(refusal.kind).status;
            let mut response = form(visit, next, status, user_name, Some(refusal.because));
            if refusal.kind == Kind::Unavailable {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            log(&refusal.into());
            let operation = "sign-in refused";
            let status = status.as_u16();
            visit.app.saw(&Activity {
                operation,
                status,
                ..Activity::default()
            });
            Ok(response)
        }
        other => Err(Stop::Engine(other)),
    }
}

fn set_browser(visit: &Visit, headers: &mut HeaderMap, browser: &sign_in::BrowserId) {
    let https = visit.context().links.is_https();
    let value = Cookie::Browser.set(&cookie::encode_browser(browser), None, https);
    headers.append(header::SET_COOKIE, value);
}
