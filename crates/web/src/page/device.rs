//! `/device`: a person types the code that their device shows, sees who asks, and decides.
//!
//! A GET changes nothing (DEV-20); nothing is looked up for strangers (DEV-03).

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use claviger_engine::{
    application,
    device::{self, Answer as Decision},
    error::{Error, Kind},
    web_session::SignedIn,
};
use claviger_model::{grant::device::DeviceAuthorization, user_code::UserCode};
use http::{Response, StatusCode};

use super::{
    error::{Answer, Stop, words as words_of},
    frame::{Frame, page, see_other},
    less::{self, Choices},
    visit::Visit,
    words,
};
use crate::{activity::Activity, api::answer::log};

const HERE: &str = "/device";

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    frame: Frame,
    user_code: String,
    error: Option<&'a str>,
    unknown: bool,
}

#[derive(Template)]
#[template(path = "device_confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    user_code: String,
    client: &'a str,
    verified: bool,
    address: &'a str,
    agent: Option<&'a str>,
    asked: String,
    scopes: Vec<String>,
    less: Choices,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DonePage {
    frame: Frame,
    approved: bool,
    user_code: String,
}

/// `GET /device`: the form; a code in the address only fills it in.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

async fn view(visit: &Visit) -> Answer {
    let user_code = code_in_address(visit);
    let next = match user_code.as_str() {
        "" => HERE.to_owned(),
        code => format!("{HERE}?user_code={code}"),
    };
    let signed_in = visit.signed_in(&next).await?;
    Ok(form(visit, &signed_in, user_code, StatusCode::OK, None))
}

/// What the address brings is shown only if it is a code at all (DEV-28).
fn code_in_address(visit: &Visit) -> String {
    let typed = visit.parameter("user_code").unwrap_or_default();
    UserCode::parse(&typed).map_or_else(String::new, |code| code.to_string())
}

fn form(
    visit: &Visit,
    signed_in: &SignedIn,
    user_code: String,
    status: StatusCode,
    error: Option<&str>,
) -> Response<Body> {
    let frame = Frame::of(&visit.app, signed_in, HERE);
    page(
        &visit.app,
        status,
        &DevicePage {
            frame,
            user_code,
            error,
            unknown: status == StatusCode::NOT_FOUND,
        },
        None,
    )
}

/// `POST /device`: shows who asks.
pub(crate) async fn look_up(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(confirm(&visit, &body).await)
}

async fn confirm(visit: &Visit, body: &Bytes) -> Answer {
    let (signed_in, form) = visit.signed_form(body, HERE).await?;
    let typed = form.get("user_code").unwrap_or_default();
    let found = device::look_up(visit.context(), &visit.requester, &signed_in, typed).await;
    match found {
        Ok((code, found)) => confirmation(visit, &signed_in, code, &found).await,
        Err(error) => once_more(visit, &signed_in, typed, error),
    }
}

async fn confirmation(
    visit: &Visit,
    signed_in: &SignedIn,
    code: UserCode,
    found: &DeviceAuthorization,
) -> Answer {
    let template = ConfirmPage {
        frame: Frame::of(&visit.app, signed_in, HERE),
        user_code: code.to_string(),
        client: &found.client_name,
        verified: application::is_verified(visit.context(), found.client),
        address: &found.requester_address,
        agent: found.requester_agent.as_deref(),
        asked: words::ago(found.created_at, visit.context().now()),
        scopes: words::abilities(visit.context(), signed_in, &found.scopes).await?,
        less: less::choices(visit.context(), signed_in, &found.scopes).await?,
        name: signed_in.user.name.as_str(),
    };
    Ok(page(&visit.app, StatusCode::OK, &template, None))
}

/// The form again for a wrong code, whatever is wrong with it (DEV-04).
fn once_more(visit: &Visit, signed_in: &SignedIn, typed: &str, error: Error) -> Answer {
    match error {
        Error::Refused(refusal)
            if matches!(refusal.kind, Kind::NotFound | Kind::TooManyRequests) =>
        {
            let status = words_of(refusal.kind).status;
            let because = refusal.because;
            log(&refusal.into());
            let typed = typed.chars().take(20).collect();
            Ok(form(visit, signed_in, typed, status, Some(because)))
        }
        other => Err(Stop::Engine(other)),
    }
}

/// `POST /device/approve`.
pub(crate) async fn approve(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(decide(&visit, &body, true).await)
}

/// `POST /device/deny`; also takes back an approval that the device has not used (DEV-13).
pub(crate) async fn deny(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(decide(&visit, &body, false).await)
}

async fn decide(visit: &Visit, body: &Bytes, approves: bool) -> Answer {
    let (signed_in, form) = visit.signed_form(body, HERE).await?;
    let typed = form.get("user_code").unwrap_or_default();
    let (answer, decision) = if approves {
        let less = less::chosen(&form)?;
        ("approved", Decision::Approve { less })
    } else {
        ("denied", Decision::Deny)
    };
    let decided = device::decide(
        visit.context(),
        &visit.requester,
        &signed_in,
        typed,
        decision,
    )
    .await;
    let code = UserCode::parse(typed)
        .map(|code| code.to_string())
        .unwrap_or_default();
    match decided {
        Ok(device) => {
            visit.app.saw(&Activity {
                client: Some(device.client_name),
                user_code: Some(code.clone()),
                ..Activity::of(&signed_in, answer, StatusCode::SEE_OTHER)
            });
            let location = format!("/device/done?answer={answer}&user_code={code}");
            Ok(see_other(&visit.app, &location))
        }
        Err(error) => once_more(visit, &signed_in, typed, error),
    }
}

/// `GET /device/done`: what to do now. It only repeats what its address says.
pub(crate) async fn done(visit: Visit) -> Response<Body> {
    visit.finish(say_done(&visit).await)
}

async fn say_done(visit: &Visit) -> Answer {
    let signed_in = visit.signed_in(HERE).await?;
    let template = DonePage {
        frame: Frame::of(&visit.app, &signed_in, HERE),
        approved: visit.parameter("answer").as_deref() == Some("approved"),
        user_code: code_in_address(visit),
    };
    Ok(page(&visit.app, StatusCode::OK, &template, None))
}
