//! A request on its way.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_tests::http::{Request, encode_form};
use serde_json::Value;

use crate::listen::{Call, fields};

/// What HTTP adds by itself.
const OF_THE_CONNECTION: [&str; 4] = ["host", "connection", "content-length", "content-type"];

const FORM: &str = "application/x-www-form-urlencoded";

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// The body where it is a form.
    form: Option<Vec<(String, String)>>,
    /// The body where it is JSON.
    pub(crate) json: Value,
}

impl Asked {
    pub(super) fn of(call: Call) -> Self {
        let kind = call.header("content-type").unwrap_or_default().to_owned();
        let headers = call.headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap_or_default();
            (name.as_str().to_owned(), value.to_owned())
        });
        Self {
            method: call.method.to_string(),
            headers: headers
                .filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()))
                .collect(),
            form: (kind == FORM).then(|| fields(&call.body)),
            json: serde_json::from_slice(&call.body).unwrap_or_default(),
            path: call.path,
            query: call.query,
        }
    }

    /// The request as it goes on.
    pub(super) fn request(&self) -> Request {
        let target = if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, encode_form(&self.query))
        };
        let request = Request::new(&self.method, target);
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        match &self.form {
            Some(form) => request.form(form),
            None if self.json.is_null() => request,
            None => request.json(&self.json),
        }
    }

    pub(crate) fn is(&self, path: &str) -> bool {
        self.path == path
    }

    /// Whether it is a request of the token endpoint with this grant.
    pub(crate) fn redeems(&self, name: &str) -> bool {
        self.is("/token") && self.field(name).is_some()
    }

    /// A field of its form.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        find(self.form.as_deref()?, name)
    }

    /// Puts a field in the place of all of its name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.leave_out(name);
        let form = self.form.get_or_insert_default();
        form.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn leave_out(&mut self, name: &str) {
        if let Some(form) = &mut self.form {
            form.retain(|(own, _)| own != name);
        }
    }

    /// A parameter of its address.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Puts a parameter in the place of all of its name.
    pub(crate) fn ask(&mut self, name: &str, value: &str) {
        self.query.retain(|(own, _)| own != name);
        self.query.push((name.to_owned(), value.to_owned()));
    }

    /// The first of each name stays.
    pub(crate) fn once(&mut self) {
        for pairs in [Some(&mut self.query), self.form.as_mut()]
            .into_iter()
            .flatten()
        {
            let mut seen = Vec::new();
            pairs.retain(|(name, _)| {
                let is_new = !seen.contains(name);
                seen.push(name.clone());
                is_new
            });
        }
    }

    /// What is in the address goes into the body.
    pub(crate) fn post_the_query(&mut self) {
        let query = std::mem::take(&mut self.query);
        self.form.get_or_insert_default().extend(query);
        "POST".clone_into(&mut self.method);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(own, _)| own != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The id of the client that asks, wherever it shows it.
    pub(crate) fn client(&self) -> Option<String> {
        let basic = self.header("authorization");
        let basic = basic.and_then(|value| value.strip_prefix("Basic "));
        // Ids here hold nothing that a form encodes.
        let pair = basic.and_then(|value| String::from_utf8(STANDARD.decode(value).ok()?).ok());
        let id = pair.as_deref().and_then(|pair| pair.split(':').next());
        id.or_else(|| self.field("client_id"))
            .map(ToOwned::to_owned)
    }

    /// Shows a client in the form, whoever asked.
    pub(crate) fn show(&mut self, id: &str, secret: Option<&str>) {
        self.headers.retain(|(own, _)| own != "authorization");
        self.set("client_id", id);
        if let Some(secret) = secret {
            self.set("client_secret", secret);
        }
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = pairs.iter().filter(|(own, _)| own == name);
    found.next().map(|(_, value)| value.as_str())
}
