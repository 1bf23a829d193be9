//! What came back, and what is demanded of it.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::response::Parts;
use serde_json::{Map, Value};

use crate::flaw::{Checked, Flaw, demand};

/// An answer of the server.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Method and path of what was asked.
    pub(crate) what: String,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

/// A refusal: status, and its exception or its `error`.
pub(crate) type Refusal = (u16, &'static str);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.parts.status.as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// The exception, as most clients find it: the header up to a colon.
    pub(crate) fn exception(&self) -> Option<&str> {
        self.header("x-amzn-errortype")
            .and_then(|value| value.split(':').next())
    }

    /// What was asked and how it ended, for a reason. No body of a success is shown: tokens are in
    /// there.
    pub(crate) fn told(&self) -> String {
        let mut told = format!("{} answered {}", self.what, self.status());
        if let Some(exception) = self.exception() {
            told.push(' ');
            told.push_str(exception);
        }
        if self.status() >= 400 {
            let kind = self.header("content-type").unwrap_or_default();
            let body = String::from_utf8_lossy(&self.body);
            let with = match kind.split(';').next() {
                _ if body.is_empty() => "an empty body".to_owned(),
                Some("application/json") => body.chars().take(200).collect(),
                Some(kind) if !kind.is_empty() => kind.to_owned(),
                _ => format!("{} bytes without a Content-Type", body.len()),
            };
            told = format!("{told} with {with}");
        }
        told
    }

    /// Something about this answer is wrong.
    pub(crate) fn wrong(&self, because: impl AsRef<str>) -> Flaw {
        Flaw::Wrong(format!("{}: {}", self.told(), because.as_ref()))
    }

    /// The body, which must be a JSON object that is said to be one.
    pub(crate) fn json(&self) -> Checked<Map<String, Value>> {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.split(';').next() != Some("application/json") {
            return Err(self.wrong(format!("Content-Type is {kind:?}, not application/json")));
        }
        self.object()
    }

    /// The body, which must be a JSON object, whatever it is said to be.
    pub(crate) fn object(&self) -> Checked<Map<String, Value>> {
        serde_json::from_slice(&self.body).map_err(|_| self.wrong("the body is no JSON object"))
    }

    /// Must be a 200; answers the body.
    pub(crate) fn granted(&self) -> Checked<Map<String, Value>> {
        demand!(
            self.status() == 200,
            "{}, and should answer 200",
            self.told()
        );
        self.json()
    }

    /// Must be this refusal.
    pub(crate) fn refused(&self, status: u16, exception: &'static str) -> Checked {
        self.refused_as(&[(status, exception)])
    }

    /// Must be one of these refusals, in a form that clients can read (WIRE 2.3).
    pub(crate) fn refused_as(&self, refusals: &[Refusal]) -> Checked {
        let exception = self.exception().unwrap_or("without x-amzn-ErrorType");
        self.is_one_of(exception, refusals)?;
        self.readable()
    }

    /// Must be one of these errors, in the form of RFC 6749 §5.2.
    pub(crate) fn errs(&self, refusals: &[Refusal]) -> Checked {
        self.is_one_of(&self.text("error").unwrap_or_default(), refusals)
    }

    fn is_one_of(&self, named: &str, refusals: &[Refusal]) -> Checked {
        let is_own = |(status, name): &Refusal| *status == self.status() && *name == named;
        if refusals.iter().any(is_own) {
            return Ok(());
        }
        let wanted = refusals
            .iter()
            .map(|(status, name)| format!("{status} {name}"));
        let wanted = wanted.collect::<Vec<_>>().join(" or ");
        Err(self.wrong(format!("it should be {wanted}")))
    }

    /// Must be a refusal by any client error that clients can read.
    pub(crate) fn refused_at_all(&self) -> Checked {
        demand!(
            (400..500).contains(&self.status()),
            "{}, and should refuse",
            self.told()
        );
        self.readable()
    }

    /// A refusal has a name in its header and words in its body (WIRE 2.3).
    pub(crate) fn readable(&self) -> Checked {
        if self.exception().is_none() {
            return Err(self.wrong("x-amzn-ErrorType is missing"));
        }
        let body = self.json()?;
        let words =
            ["message", "error_description"].map(|name| body.get(name).and_then(Value::as_str));
        if words
            .iter()
            .all(|words| words.unwrap_or_default().is_empty())
        {
            return Err(self.wrong("neither `message` nor `error_description` says why"));
        }
        Ok(())
    }

    /// The server's time at this answer, in seconds since 1970.
    pub(crate) fn date(&self) -> Checked<i64> {
        let date = self
            .header("date")
            .and_then(|date| httpdate::parse_http_date(date).ok());
        let epoch = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        let seconds = epoch.and_then(|epoch| i64::try_from(epoch.as_secs()).ok());
        seconds.ok_or_else(|| self.wrong("Date is missing or no date"))
    }

    /// A member that must be a text and not an empty one.
    pub(crate) fn text(&self, name: &str) -> Checked<String> {
        let body = self.json()?;
        let text = body
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| self.wrong(format!("`{name}` is missing or no text")))
    }

    /// A member that must be a whole number, written as one (WIRE 2.2).
    pub(crate) fn whole(&self, name: &str) -> Checked<i64> {
        let body = self.json()?;
        let number = body.get(name).and_then(Value::as_i64);
        number.ok_or_else(|| {
            let found = body
                .get(name)
                .map_or_else(|| "missing".to_owned(), Value::to_string);
            self.wrong(format!("`{name}` is {found}, not a whole number"))
        })
    }
}
