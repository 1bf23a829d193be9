//! The part of the control API that the checks need.

use serde_json::{Value, json};

use super::{
    CONTROL_TOKEN, Call, pages,
    reply::Reply,
    state::{Progress, State},
};

pub(super) fn route(state: &mut State, call: &Call) -> Reply {
    if call.header("authorization") != Some(&format!("Bearer {CONTROL_TOKEN}")) {
        return Reply::refuse("AccessDeniedException", 401);
    }
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match call.path.as_str() {
        "/_dev/approve" => decide(state, &text("user_code"), Progress::Approved),
        "/_dev/deny" => decide(state, &text("user_code"), Progress::Denied),
        "/_dev/authorize" => {
            let denies = body.get("deny") == Some(&Value::Bool(true));
            authorize(state, &text("url"), denies)
        }
        "/_dev/clock" => {
            state.ahead += body
                .get("advance")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            Reply::json(&json!({ "now": state.now() }))
        }
        _ => Reply::refuse("UnknownOperationException", 404),
    }
}

fn decide(state: &mut State, user_code: &str, progress: Progress) -> Reply {
    let shown = state
        .devices
        .values_mut()
        .filter(|device| device.user_code == user_code);
    shown.for_each(|device| device.progress = progress);
    Reply::json(&json!({}))
}

fn authorize(state: &mut State, url: &str, denies: bool) -> Reply {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let opened = Call {
        method: http::Method::GET,
        path: "/authorize".to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    match pages::requested(state, &opened) {
        Ok(requested) => {
            let location = pages::decide(state, requested, denies);
            Reply::json(&json!({ "location": location }))
        }
        Err(refusal) => refusal,
    }
}
