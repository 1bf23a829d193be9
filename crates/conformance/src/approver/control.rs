//! Deciding by the control API of `claviger dev`.

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::decision::{Decision, address};
use crate::{
    answer::Answer,
    flaw::{Checked, Flaw},
    http::{Call, Http},
};

/// The control API of the checked server.
#[derive(Debug)]
pub struct Control {
    token: String,
}

impl Control {
    /// The control API below `/_dev/` of the checked server, which takes this token.
    pub const fn new(token: String) -> Self {
        Self { token }
    }

    async fn post(&self, http: &Http, route: &str, body: &Value) -> Checked<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let call = Call::post(format!("/_dev/{route}")).json(body);
        let answer = http.send(call.header("authorization", &bearer)).await?;
        if answer.parts.status == StatusCode::OK {
            return Ok(answer);
        }
        // No flaw of the dialect: the control token may be wrong, or the server has no such API.
        Err(Flaw::Wrong(format!(
            "the control API does not help: {}",
            answer.told()
        )))
    }

    pub(super) async fn decide(&self, http: &Http, user_code: &str, decision: Decision) -> Checked {
        let route = match decision {
            Decision::Approve => "approve",
            Decision::Deny => "deny",
        };
        self.post(http, route, &json!({ "user_code": user_code }))
            .await
            .map(|_| ())
    }

    pub(super) async fn authorize(
        &self,
        http: &Http,
        url: &str,
        decision: Decision,
    ) -> Checked<Url> {
        let body = json!({ "url": url, "deny": decision == Decision::Deny });
        address(
            &self
                .post(http, "authorize", &body)
                .await?
                .text("location")?,
        )
    }

    pub(super) async fn advance(&self, http: &Http, seconds: i64) -> Checked {
        self.post(http, "clock", &json!({ "advance": seconds }))
            .await
            .map(|_| ())
    }
}
