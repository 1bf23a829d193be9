//! Answers, and the headers that all of them have.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};

use super::{Call, mutation::Mutation, state::State};

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// What is refused, as an early return.
pub(super) type Answered<T = Reply> = Result<T, Reply>;

impl Reply {
    pub(super) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    pub(super) fn html(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
            body: format!("<!doctype html><title>{text}</title><p>{text}"),
        }
    }

    pub(super) fn redirect(location: &str) -> Self {
        Self {
            status: 302,
            headers: vec![("location", location.to_owned())],
            body: String::new(),
        }
    }

    /// A refusal in words that serve every exception.
    pub(super) fn refuse(exception: &'static str, status: u16) -> Self {
        Self::refuse_saying(exception, status, "That is refused")
    }

    pub(super) fn refuse_saying(exception: &'static str, status: u16, words: &str) -> Self {
        let error = match exception {
            "AccessDeniedException" => "access_denied",
            "AuthorizationPendingException" => "authorization_pending",
            "ExpiredTokenException" => "expired_token",
            "InvalidClientException" => "invalid_client",
            "InvalidGrantException" => "invalid_grant",
            _ => "invalid_request",
        };
        let body = json!({ "error": error, "error_description": words, "message": words });
        let mut reply = Self::json(&body).status(status);
        reply
            .headers
            .push(("x-amzn-errortype", exception.to_owned()));
        reply
    }

    pub(super) const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Writes another `error` into the body.
    pub(super) fn with_error(mut self, error: &str) -> Self {
        self.body = self.body.replace("authorization_pending", error);
        self
    }

    pub(super) fn finish(mut self, state: &mut State, call: &Call) -> Response<Full<Bytes>> {
        if state.is(Mutation::MissingErrorType) {
            self.headers.retain(|(name, _)| *name != "x-amzn-errortype");
        }
        if !state.is(Mutation::MissingRequestId) {
            let fresh = state.draw("request");
            let id = if state.is(Mutation::RequestIdRepeated) {
                "the-one".to_owned()
            } else {
                fresh
            };
            self.headers.push(("x-amzn-requestid", id));
        }
        if state.is(Mutation::CookieOnApiAnswers) {
            self.headers.push(("set-cookie", "seen=1".to_owned()));
        }
        let late = if state.is(Mutation::CachedDate) {
            3600
        } else {
            0
        };
        let now = Duration::from_secs(state.now().unsigned_abs() - late);
        self.headers
            .push(("date", httpdate::fmt_http_date(UNIX_EPOCH + now)));
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = if call.method == "HEAD" {
            String::new()
        } else {
            self.body
        };
        response.body(Full::from(body)).expect("an answer")
    }
}
