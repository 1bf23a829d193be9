//! `/authorize`: a person decides about an application that sent them here.

use std::sync::Arc;

use askama::Template;
use axum::{body::Body, extract::State};
use bytes::Bytes;
use claviger_engine::{
    application,
    authorize::{self, AuthorizeError, AuthorizeRequest, Next, Redirection},
    consent::{self, Consent},
    web_session::SignedIn,
};
use claviger_model::{redirect_uri::RedirectUri, secret::Secret};
use claviger_wire::{
    authorize::{AGAIN, decode_query},
    query::Parameters,
};
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    error::{self, Answer},
    frame::{Frame, page, see_other},
    less::{self, Choices},
    own_path, sign_in,
    visit::Visit,
    way_back, words,
};
use crate::{activity::Activity, app::App};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    client: &'a str,
    verified: bool,
    scopes: Vec<String>,
    less: Choices,
    name: &'a str,
    host: &'a str,
    place: &'static str,
    sealed: &'a str,
}

/// `GET /authorize`: checks the request, signs the person in, asks them. It asks every time, since the name that an
/// application gives itself proves nothing (AUT-21); of an application of the configuration the operator may have said
/// that it need not.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

/// `HEAD /authorize`: there is no look without what follows from it, which may be a code.
pub(crate) async fn head(State(app): State<Arc<App>>) -> Response<Body> {
    let mut refused = error::wrong_method(&app);
    let allowed = HeaderValue::from_static("GET,POST");
    refused.headers_mut().insert(header::ALLOW, allowed);
    refused
}

async fn view(visit: &Visit) -> Answer {
    let query = decode_query(visit.raw_query(), &visit.context().keys);
    let request = match authorize::check(visit.context(), &query) {
        Ok(request) => request,
        Err(error) => return unasked(visit, error),
    };
    let signed_in = visit.person().await?;
    // To sign in they stay where they are: the request is too long to travel inside another address.
    let target = match authorize::next(visit.context(), &query, &request, signed_in.as_ref()) {
        Err(error) => return unasked(visit, error),
        Ok(Next::Consent(person)) => return ask(visit, person, &request).await,
        Ok(Next::Approve(person)) => {
            return approve(visit, person, &request, Consent::Skipped).await;
        }
        Ok(Next::SignIn(None)) => visit.target().to_owned(),
        Ok(Next::SignIn(Some(again))) => with_again(visit, &again),
    };
    Ok(sign_in::ask(visit, own_path::or_default(&target)))
}

/// The answer where nobody is asked.
fn unasked(visit: &Visit, error: AuthorizeError) -> Answer {
    match error {
        AuthorizeError::Redirect(redirection) => Ok(way_back::send(&visit.app, &redirection)),
        AuthorizeError::Page(refusal) => Err(refusal.into()),
    }
}

/// The address of this request with the mark that its person has been to sign in again, and none from before.
fn with_again(visit: &Visit, again: &Secret) -> String {
    let own = |pair: &&str| pair.split('=').next() != Some(AGAIN);
    let mut query: Vec<&str> = visit.raw_query().split('&').filter(own).collect();
    let mark = format!("{AGAIN}={}", again.reveal());
    query.push(&mark);
    format!("/authorize?{}", query.join("&"))
}

async fn ask(visit: &Visit, signed_in: &SignedIn, request: &AuthorizeRequest) -> Answer {
    let sealed = consent::seal(visit.context(), signed_in, request);
    let template = ConsentPage {
        frame: Frame::of(&visit.app, signed_in, ""),
        client: request.client.metadata.name.as_str(),
        verified: application::is_verified(visit.context(), request.client.reference),
        scopes: words::abilities(visit.context(), signed_in, &request.scopes).await?,
        less: less::choices(visit.context(), signed_in, &request.scopes).await?,
        name: signed_in.user.name.as_str(),
        host: host(&request.redirect_uri),
        place: place(&request.redirect_uri),
        sealed: sealed.reveal(),
    };
    Ok(page(
        &visit.app,
        StatusCode::OK,
        &template,
        Some(&request.redirect_uri),
    ))
}

/// What is said before the name of where it answers.
const fn place(uri: &RedirectUri) -> &'static str {
    if uri.is_loopback() {
        "this computer, "
    } else if uri.is_of_private_use() {
        "an app on this device, "
    } else {
        ""
    }
}

/// A host, or the name of a private-use scheme.
fn host(uri: &RedirectUri) -> &str {
    let origin = uri.origin();
    let host = origin.split_once("://").map(|(_, host)| host);
    host.unwrap_or_else(|| origin.trim_end_matches(':'))
}

/// `POST /authorize`: what a person has decided, or a request that an application's page sends in this way (OpenID Connect
/// Core §3.1.2.1). That goes on as if it had come in the address; nothing is decided by it.
pub(crate) async fn send(visit: Visit, body: Bytes) -> Response<Body> {
    if let Some(query) = posted(&body) {
        return see_other(
            &visit.app,
            own_path::or_default(&format!("/authorize?{query}")),
        );
    }
    visit.finish(decide(&visit, &body).await)
}

/// The request in a form that is none of ours: it names a client, and has no token of a page.
fn posted(body: &Bytes) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (form, _) = Parameters::read_lenient(text).ok()?;
    let is_request = form.get("client_id").is_some() && form.get("token").is_none();
    is_request.then_some(text)
}

async fn decide(visit: &Visit, body: &Bytes) -> Answer {
    let (signed_in, form) = visit.signed_form(body, own_path::DEFAULT).await?;
    let sealed = form.get("request").unwrap_or_default();
    let request = consent::open(visit.context(), &signed_in, sealed)?;
    // Whatever is not a clear yes is a no.
    let yes = form.get("answer") == Some("approve");
    if yes {
        let given = request.given(visit.context(), &less::chosen(&form)?)?;
        return approve(visit, &signed_in, &given, Consent::Given).await;
    }
    let redirection = consent::deny(visit.context(), &request);
    Ok(answered(
        visit,
        &signed_in,
        &request,
        "denied",
        &redirection,
    ))
}

async fn approve(
    visit: &Visit,
    signed_in: &SignedIn,
    request: &AuthorizeRequest,
    by: Consent,
) -> Answer {
    let (context, requester) = (visit.context(), &visit.requester);
    let redirection = consent::approve(context, requester, signed_in, request, by).await?;
    Ok(answered(
        visit,
        signed_in,
        request,
        "approved",
        &redirection,
    ))
}

fn answered(
    visit: &Visit,
    signed_in: &SignedIn,
    request: &AuthorizeRequest,
    operation: &'static str,
    redirection: &Redirection,
) -> Response<Body> {
    visit.app.saw(&Activity {
        client: Some(request.client.metadata.name.as_str().to_owned()),
        ..Activity::of(signed_in, operation, StatusCode::SEE_OTHER)
    });
    way_back::send(&visit.app, redirection)
}
