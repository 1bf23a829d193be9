//! `/sessions`: what a person is signed in with; each can be ended.

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use claviger_engine::{
    application,
    context::Context,
    error::{Error, Kind},
    person,
    web_session::SignedIn,
};
use claviger_model::{
    id::SessionId,
    session::{Session, SessionOrigin},
    time::Timestamp,
};
use http::{Response, StatusCode};

use super::{
    error::{Answer, Stop},
    frame::{Frame, page, see_other},
    visit::Visit,
    words::{self, Moment},
};
use crate::activity::Activity;

const HERE: &str = "/sessions";

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    browser_since: String,
    browser_ends: Moment,
    sessions: Vec<SessionCard>,
    error: Option<&'static str>,
}

struct SessionCard {
    id: String,
    client: String,
    verified: bool,
    how: &'static str,
    began: Moment,
    began_ago: String,
    ends: Moment,
    ends_in: String,
    scopes: Vec<String>,
    child: bool,
}

/// `GET /sessions`.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

async fn view(visit: &Visit) -> Answer {
    let signed_in = visit.signed_in(HERE).await?;
    list(visit, &signed_in, StatusCode::OK, None).await
}

async fn list(
    visit: &Visit,
    signed_in: &SignedIn,
    status: StatusCode,
    error: Option<&'static str>,
) -> Answer {
    let sessions = person::sessions(visit.context(), signed_in).await?;
    let now = visit.context().now();
    let mut cards = Vec::new();
    for session in families(&sessions) {
        let scopes = words::abilities(visit.context(), signed_in, &session.scopes).await?;
        cards.push(card(visit.context(), session, scopes, now));
    }
    let template = SessionsPage {
        frame: Frame::of(&visit.app, signed_in, HERE),
        browser_since: words::ago(signed_in.auth_time, now),
        browser_ends: words::moment(signed_in.expires_at),
        sessions: cards,
        error,
    };
    Ok(page(&visit.app, status, &template, None))
}

/// Every session with those made from it right behind it.
fn families(sessions: &[Session]) -> impl Iterator<Item = &Session> {
    let roots = sessions.iter().filter(|session| session.parent.is_none());
    roots.flat_map(|root| {
        let of_root = |session: &&Session| session.parent.is_some_and(|own| own.id == root.id);
        std::iter::once(root).chain(sessions.iter().filter(of_root))
    })
}

fn card(context: &Context, session: &Session, scopes: Vec<String>, now: Timestamp) -> SessionCard {
    SessionCard {
        id: session.id.to_string(),
        client: session.client_name.clone(),
        verified: application::is_verified(context, session.client),
        how: match session.origin {
            SessionOrigin::Device => "with a code from a device",
            SessionOrigin::AuthorizationCode => "through this browser",
            SessionOrigin::JwtBearer => "by the word of an issuer that your organisation trusts",
            SessionOrigin::Workload => "by a token of its platform",
            SessionOrigin::ClientCredentials => "by itself",
            SessionOrigin::TokenExchange => "from the session above, and ends with it",
        },
        began: words::moment(session.created_at),
        began_ago: words::ago(session.created_at, now),
        ends: words::moment(session.expires_at()),
        ends_in: words::span(session.expires_at().seconds_since(now)),
        scopes,
        child: session.parent.is_some(),
    }
}

/// `POST /sessions/end`.
pub(crate) async fn end(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(end_one(&visit, &body).await)
}

async fn end_one(visit: &Visit, body: &Bytes) -> Answer {
    let (signed_in, form) = visit.signed_form(body, HERE).await?;
    let named = form.get("session").unwrap_or_default();
    let ended = match SessionId::parse(named) {
        Ok(id) => person::end_session(visit.context(), &visit.requester, &signed_in, id).await,
        Err(malformed) => Err(Kind::InvalidRequest
            .because("No session was named. Load the page anew and choose one.")
            .detail(malformed.to_string())
            .into()),
    };
    match ended {
        Ok(()) => {
            visit.app.saw(&Activity::of(
                &signed_in,
                "ended a session",
                StatusCode::SEE_OTHER,
            ));
            Ok(see_other(&visit.app, HERE))
        }
        Err(Error::Refused(refusal)) if refusal.kind == Kind::NotFound => {
            list(
                visit,
                &signed_in,
                StatusCode::NOT_FOUND,
                Some(refusal.because),
            )
            .await
        }
        Err(other) => Err(Stop::Engine(other)),
    }
}
