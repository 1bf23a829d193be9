//! `/sign-out`: ends this browser's sign-in. `/logout` is the API's.

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use claviger_engine::web_session;
use http::{Response, StatusCode, header};

use super::{
    error::Answer,
    frame::{Frame, page, see_other},
    visit::Visit,
};
use crate::{activity::Activity, cookie::Cookie};

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage {
    frame: Frame,
}

/// `GET /sign-out`: asks, or says that nobody is signed in.
pub(crate) async fn show(visit: Visit) -> Response<Body> {
    visit.finish(view(&visit).await)
}

async fn view(visit: &Visit) -> Answer {
    let frame = match visit.person().await? {
        Some(signed_in) => Frame::of(&visit.app, &signed_in, ""),
        None => Frame::anonymous(&visit.app),
    };
    Ok(page(
        &visit.app,
        StatusCode::OK,
        &SignOutPage { frame },
        None,
    ))
}

/// `POST /sign-out`.
pub(crate) async fn send(visit: Visit, body: Bytes) -> Response<Body> {
    visit.finish(sign_out(&visit, &body).await)
}

async fn sign_out(visit: &Visit, body: &Bytes) -> Answer {
    visit.form(body)?;
    if visit.person().await?.is_some() {
        let (signed_in, _) = visit.signed_form(body, "/sign-out").await?;
        web_session::sign_out(visit.context(), &visit.requester, &signed_in).await?;
        visit.app.saw(&Activity::of(
            &signed_in,
            "signed out",
            StatusCode::SEE_OTHER,
        ));
    }
    let mut response = see_other(&visit.app, "/sign-out");
    let gone = Cookie::Session.clear(visit.context().links.is_https());
    response.headers_mut().append(header::SET_COOKIE, gone);
    Ok(response)
}
