//! An answer on its way.

use bytes::Bytes;
use claviger_tests::http::Response as Answer;
use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};

/// What HTTP adds by itself.
const OF_THE_CONNECTION: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

/// An answer, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body where it is JSON.
    pub(crate) json: Value,
    text: Vec<u8>,
}

impl Told {
    pub(super) fn of(answer: Answer) -> Self {
        let headers = answer.headers.into_iter();
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value));
        Self {
            status: answer.status.as_u16(),
            headers: headers
                .filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()))
                .collect(),
            json: serde_json::from_slice(&answer.body).unwrap_or_default(),
            text: answer.body,
        }
    }

    /// An answer that the server did not give.
    pub(crate) fn new(status: u16, json: Value) -> Self {
        let kind = ("content-type", "application/json");
        Self {
            status,
            headers: vec![(kind.0.to_owned(), kind.1.to_owned())],
            json,
            text: Vec::new(),
        }
    }

    /// A page or a way away.
    pub(crate) fn page(status: u16, location: Option<String>) -> Self {
        let headers = location.map(|location| ("location".to_owned(), location));
        Self {
            status,
            headers: headers.into_iter().collect(),
            json: Value::Null,
            text: Vec::new(),
        }
    }

    pub(crate) fn refusal(status: u16, error: &str) -> Self {
        Self::new(
            status,
            json!({ "error": error, "error_description": "No." }),
        )
    }

    /// Tokens that nobody issued.
    pub(crate) fn tokens() -> Self {
        let tokens = json!({ "access_token": "x", "token_type": "Bearer", "expires_in": 60 });
        Self::new(200, tokens)
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = if self.json.is_null() {
            self.text.clone()
        } else {
            self.json.to_string().into_bytes()
        };
        response.body(Full::from(body)).expect("an answer")
    }

    /// A text of the JSON.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name).and_then(Value::as_str)
    }

    pub(crate) fn is_error(&self, error: &str) -> bool {
        self.text("error") == Some(error)
    }

    /// Sets a member of the JSON where there is any.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(json) = self.json.as_object_mut() {
            json.insert(name.to_owned(), value.into());
        }
    }

    pub(crate) fn leave_out(&mut self, name: &str) {
        if let Some(json) = self.json.as_object_mut() {
            json.remove(name);
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn leave_out_header(&mut self, name: &str) {
        self.headers.retain(|(own, _)| own != name);
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.leave_out_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Changes where the browser goes, as the authorization endpoint or the one that decides tells it.
    pub(crate) fn lead(&mut self, change: impl Fn(&str) -> String) {
        if let Some(location) = self.text("location").map(&change) {
            self.set("location", location);
        }
        if let Some(location) = self.header("location").map(&change) {
            self.set_header("location", &location);
        }
    }
}
