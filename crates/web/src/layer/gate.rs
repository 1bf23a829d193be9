//! The gate: the first and the last to see a request.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use claviger_model::hex::Hex;
use claviger_wire::{
    aws::{
        error::{self, Face},
        oidc::{self, AwsIam},
    },
    body::LIMIT,
};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::requester;
use crate::{
    activity::Activity,
    app::App,
    fault::{Cut, Fault, Rewrite},
    page,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The longest request target, in bytes.
const TARGET: usize = 8192;

/// How long a handler may take: one deadline covers the store, its queue and every retry (R7).
const HANDLER_TIME: Duration = Duration::from_secs(3);

/// How long one may take that waits for others: targets, which have their own, shorter limits,
/// and the queue of the password hasher.
const PATIENT_HANDLER_TIME: Duration = Duration::from_secs(15);

fn handler_time(path: &str, face: Option<Face>) -> Duration {
    match (face, path) {
        (None, _) | (Some(_), "/federation/credentials") => PATIENT_HANDLER_TIME,
        (Some(_), _) => HANDLER_TIME,
    }
}

/// Whether a path belongs to the API; everything else is for people.
pub(crate) fn face_of(path: &str) -> Option<Face> {
    operation_of(path).map(|(face, _)| face)
}

/// The operation of a request, in the words of the AWS models.
fn operation_at(uri: &http::Uri) -> Option<(Face, &'static str)> {
    match (operation_of(uri.path())?, oidc::aws_iam(uri.query())) {
        ((face, "CreateToken"), AwsIam::Exact) => Some((face, "CreateTokenWithIAM")),
        (operation, _) => Some(operation),
    }
}

/// The operation of a path.
fn operation_of(path: &str) -> Option<(Face, &'static str)> {
    Some(match path {
        "/client/register" => (Face::Oidc, "RegisterClient"),
        "/device_authorization" => (Face::Oidc, "StartDeviceAuthorization"),
        "/token" => (Face::Oidc, "CreateToken"),
        "/assignment/accounts" => (Face::Portal, "ListAccounts"),
        "/assignment/roles" => (Face::Portal, "ListAccountRoles"),
        "/federation/credentials" => (Face::Portal, "GetRoleCredentials"),
        "/logout" => (Face::Portal, "Logout"),
        _ => return None,
    })
}

/// Lets a request through to `router` and its answer back.
pub(crate) async fn pass(
    app: Arc<App>,
    router: axum::Router,
    peer: SocketAddr,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Cut> {
    let id = request_id(&app);
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path());
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let face = face_of(parts.uri.path());
    let answered = async {
        parts
            .extensions
            .insert(requester::of(&parts.headers, peer, &app.trusted_proxies));
        if let Some(refused) = refuse_form(&app, &parts, face) {
            return Ok(refused);
        }
        match collect(body, app.body_time).await {
            Ok(body) => reach(&app, router, parts, body).await,
            Err((status, because)) => Ok(close(refuse(&app, face, status, because))),
        }
    };
    let mut response = answered.instrument(span.clone()).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(target: "claviger::request", parent: &span, status, micros, "answered");
    Ok(response)
}

/// A handler's answer, or what a fault script makes of it.
async fn reach(
    app: &App,
    router: axum::Router,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Body>, Cut> {
    let call = operation_at(&parts.uri);
    let handle = run(app, router, parts, body, call.map(|(face, _)| face));
    let Some((face, operation)) = call else {
        return Ok(handle.await);
    };
    let fault = app
        .faults
        .as_ref()
        .and_then(|script| script.next(operation));
    let mut answer = match &fault {
        Some(Fault::CutConnection) => None,
        Some(Fault::Refuse(_, exception)) => {
            Some(error::scripted(face, *exception).map(Body::from))
        }
        _ => Some(handle.await),
    };
    let name = fault.as_ref().map(Fault::name);
    app.saw(&Activity::of_call(operation, answer.as_mut(), name));
    match (answer, fault) {
        (None, _) | (_, Some(Fault::LostAnswer)) => Err(Cut),
        (Some(answer), Some(Fault::Rewrite(_, rewrite))) => rewritten(answer, &rewrite).await,
        (Some(answer), Some(Fault::Delay(time))) => {
            tokio::time::sleep(time).await;
            Ok(answer)
        }
        (Some(answer), _) => Ok(answer),
    }
}

/// An answer with another body, if it is a good one.
async fn rewritten(answer: Response<Body>, rewrite: &Rewrite) -> Result<Response<Body>, Cut> {
    if answer.status() != StatusCode::OK {
        return Ok(answer);
    }
    let (mut head, body) = answer.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    Ok(Response::from_parts(head, Body::from(rewrite(&body))))
}

/// A handler's answer; a bug in it costs this request and nothing else (TOK-13).
async fn run(
    app: &App,
    router: axum::Router,
    parts: Parts,
    body: Bytes,
    face: Option<Face>,
) -> Response<Body> {
    let time = handler_time(parts.uri.path(), face);
    let handled = AssertUnwindSafe(router.oneshot(Request::from_parts(parts, Body::from(body))));
    if !app.context.can_judge() {
        return unavailable(app, face);
    }
    match tokio::time::timeout(time, handled.catch_unwind()).await {
        // What was decided by a wrong clock or old keys may be wrong; whoever asks again is answered rightly.
        Ok(Ok(Ok(_))) if !app.context.can_judge() => unavailable(app, face),
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            app.panics.note(app.context.now());
            match face {
                Some(face) => error::broken(face).map(Body::from),
                None => page::error::broken(app),
            }
        }
        Err(_) => unavailable(app, face),
    }
}

fn unavailable(app: &App, face: Option<Face>) -> Response<Body> {
    match face {
        Some(face) => error::late(face).map(Body::from),
        None => page::error::status(
            app,
            StatusCode::SERVICE_UNAVAILABLE,
            "The server is overloaded. Try again in a moment.",
        ),
    }
}

/// Refuses what is wrong before the body is read.
fn refuse_form(app: &App, parts: &Parts, face: Option<Face>) -> Option<Response<Body>> {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > TARGET {
        let because = "The address is too long.";
        return Some(close(refuse(app, face, StatusCode::URI_TOO_LONG, because)));
    }
    let Some(host) = host_of(parts) else {
        let because = "The request must name exactly one host.";
        return Some(close(refuse(app, face, StatusCode::BAD_REQUEST, because)));
    };
    let mounted = parts.uri.path().starts_with("/_dev/");
    if face.is_none() && !mounted && host != app.context.links.host() {
        return Some(page::error::elsewhere(app));
    }
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LIMIT) {
        return Some(close(refuse(
            app,
            face,
            StatusCode::PAYLOAD_TOO_LARGE,
            TOO_LARGE,
        )));
    }
    None
}

/// The one host that a request names: by its header, by the authority of HTTP/2, or by an absolute
/// target. Two that disagree name none (HTP-10).
fn host_of(parts: &Parts) -> Option<&str> {
    let mut headers = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (headers.next(), headers.next());
    let header = first.map(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (header, authority) {
        _ if second.is_some() => None,
        (Some(header), None) => header,
        (None, authority) => authority,
        (Some(header), Some(_)) => authority.filter(|_| header == authority),
    }
}

const TOO_LARGE: &str = "The body is larger than 64 KiB.";

async fn collect(
    body: hyper::body::Incoming,
    time: Duration,
) -> Result<Bytes, (StatusCode, &'static str)> {
    match tokio::time::timeout(time, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE))
        }
        Ok(Err(_)) => Err((
            StatusCode::BAD_REQUEST,
            "The body is broken off or not well-formed.",
        )),
        Err(_) => Err((
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long to arrive.",
        )),
    }
}

fn refuse(
    app: &App,
    face: Option<Face>,
    status: StatusCode,
    because: &'static str,
) -> Response<Body> {
    match face {
        Some(face) => error::malformed(face, status, because).map(Body::from),
        None => page::error::status(app, status, because),
    }
}

/// What is left unread of a refused request must not be taken for the next one (HTP-01).
fn close(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A request's name, in the shape that AWS's have.
fn request_id(app: &App) -> String {
    let hex = Hex(&app.context.request_id()).to_string();
    let cut = |from, to| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-a{}-{}",
        cut(0, 8),
        cut(8, 12),
        cut(13, 16),
        cut(17, 20),
        cut(20, 32)
    )
}
