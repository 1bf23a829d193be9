//! An STS that gives credentials to everybody after a while, and counts how often it was asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Where it tells how often.
pub(crate) const ASKED: &str = "/asked";

/// How long its credentials live.
const LIFE: time::Duration = time::Duration::HOUR;

type Asked = Arc<AtomicU64>;

pub(super) fn router(delay: Duration) -> Router {
    let answer = async move |State(asked): State<Asked>| {
        asked.fetch_add(1, Ordering::Relaxed);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        assumed()
    };
    let tell = async |State(asked): State<Asked>| asked.load(Ordering::Relaxed).to_string();
    Router::new()
        .route("/", post(answer))
        .route(ASKED, get(tell))
        .with_state(Asked::default())
}

fn assumed() -> Result<impl IntoResponse, StatusCode> {
    let expiration = (OffsetDateTime::now_utc() + LIFE)
        .replace_nanosecond(0)
        .ok()
        .and_then(|expiration| expiration.format(&Rfc3339).ok())
        .ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId>\
         <Arn>arn:aws:sts::100000000000:assumed-role/Developer/bench</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId>\
         <SecretAccessKey>{:0>40}</SecretAccessKey><SessionToken>{:0>360}</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult>\
         <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>\
         </ResponseMetadata></AssumeRoleResponse>",
        "secret", "token"
    );
    Ok(([(header::CONTENT_TYPE, "text/xml")], body))
}
