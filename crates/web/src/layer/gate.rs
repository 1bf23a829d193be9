//! The gate: the first and the last to see a request.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use claviger_engine::error::Kind;
use claviger_model::network::Requester;
use claviger_wire::{body::LIMIT, face::Face};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::{rank, requester};
use crate::{
    activity::Activity,
    admission::Rank,
    api::{
        call::Call,
        operation::{self, Operation, PATIENT_HANDLER_TIME},
    },
    app::App,
    fault::{Cut, Fault, Rewrite},
    page,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The longest request target, in bytes.
const TARGET: usize = 8192;

/// Lets a request through to whoever answers it and its answer back.
pub(crate) async fn pass(
    app: Arc<App>,
    router: axum::Router,
    peer: SocketAddr,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Cut> {
    let id = request_id(&app);
    let span = tracing::info_span!("request", id = %id.to_str().unwrap_or_default(), method = %request.method(), path = request.uri().path());
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let operation = Operation::at(&parts.uri, &parts.headers);
    let face = operation.map(Operation::face);
    let answered = async {
        let requester = requester::of(&parts.headers, peer, &app.trusted_proxies);
        if let Some(refused) = refuse_form(&app, &parts, face) {
            return Ok(refused);
        }
        let body = match collect(body, app.body_time).await {
            Ok(body) => body,
            Err((status, because)) => return Ok(close(refuse(&app, face, status, because))),
        };
        let rank = rank::of(operation, &parts, &body);
        let Some(admitted) = app.admission.admit(rank, requester.network()) else {
            return Ok(turned_away(&app, face, rank));
        };
        let work = pin!(async {
            match operation {
                Some(operation) => call(&app, operation, &parts, &requester, &body).await,
                None => Ok(visit(&app, router, parts, requester, body).await),
            }
        });
        admitted.work(work).await
    };
    let mut response = answered.instrument(span.clone()).await?;
    response.headers_mut().insert(REQUEST_ID, id);
    let status = response.status().as_u16();
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(target: "claviger::request", parent: &span, status, micros, "answered");
    Ok(response)
}

/// The answer to a call of the API, or what a fault script makes of it.
async fn call(
    app: &App,
    operation: Operation,
    parts: &Parts,
    requester: &Requester,
    body: &Bytes,
) -> Result<Response<Body>, Cut> {
    let fault = app
        .faults
        .as_ref()
        .and_then(|script| script.next(operation.name()));
    let mut seen = app.observer.as_ref().map(|_| Activity {
        operation: operation.name(),
        fault: fault.as_ref().map(Fault::name),
        ..Activity::default()
    });
    let call = Call {
        app,
        requester,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body,
        seen: seen.as_mut(),
    };
    let face = operation.face();
    let answer = match &fault {
        Some(Fault::CutConnection) => None,
        Some(Fault::Refuse(_, exception)) => Some(face.scripted(*exception).map(Body::from)),
        _ => {
            // In a box of its own, so that a connection that waits does not keep room for it.
            let handled = Box::pin(operation::answer(operation, call));
            let handled = handled.map(|answer| answer.map(Body::from));
            Some(run(app, Some(face), operation.time(), handled).await)
        }
    };
    if let Some(seen) = &mut seen {
        if let Some(answer) = &answer {
            seen.answered(answer);
        }
        app.saw(seen);
    }
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

/// The answer to anything else: pages, and what targets fetch.
async fn visit(
    app: &App,
    router: axum::Router,
    mut parts: Parts,
    requester: Requester,
    body: Bytes,
) -> Response<Body> {
    parts.extensions.insert(requester);
    let handled = async {
        let Ok(response) = router
            .oneshot(Request::from_parts(parts, Body::from(body)))
            .await;
        response
    };
    run(app, None, PATIENT_HANDLER_TIME, handled).await
}

/// A handler's answer; a bug in it costs this request and nothing else (TOK-13).
async fn run(
    app: &App,
    face: Option<Face>,
    time: Duration,
    handled: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    if !app.context.can_judge() {
        return unavailable(app, face);
    }
    match tokio::time::timeout(time, AssertUnwindSafe(handled).catch_unwind()).await {
        // What was decided by a wrong clock or old keys may be wrong; whoever asks again is answered rightly.
        Ok(Ok(_)) if !app.context.can_judge() => unavailable(app, face),
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            app.panics.note(app.context.now());
            match face {
                Some(face) => face.broken().map(Body::from),
                None => page::error::broken(app),
            }
        }
        Err(_) => unavailable(app, face),
    }
}

/// There is more to do than can be done. A device that polls would give up at anything but a reason to poll on (TOK-10).
fn turned_away(app: &App, face: Option<Face>, rank: Rank) -> Response<Body> {
    match face {
        Some(face) if rank == Rank::Poll => {
            let refusal = Kind::SlowDown.because("The server is overloaded. Poll less often.");
            face.refuse(&refusal.into()).map(Body::from)
        }
        _ => unavailable(app, face),
    }
}

fn unavailable(app: &App, face: Option<Face>) -> Response<Body> {
    match face {
        Some(face) => face.late().map(Body::from),
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
        Some(face) => face.malformed(status, because).map(Body::from),
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
fn request_id(app: &App) -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(app.context.request_id()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = id.hyphenated().encode_lower(&mut text);
    // Hexadecimal digits and hyphens may always be sent.
    HeaderValue::from_str(text).unwrap_or_else(|_| unreachable!())
}
