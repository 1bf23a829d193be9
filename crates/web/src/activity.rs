//! What `claviger dev` shows of each request. Never a log: it may name a user code.

use claviger_engine::web_session::SignedIn;
use http::{Response, StatusCode};

/// One request, for a person who watches.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// The operation, in the words of the AWS models, or what a page did.
    pub operation: &'static str,
    /// What the client calls itself.
    pub client: Option<String>,
    /// The person, where a page knows one.
    pub person: Option<String>,
    /// The user code concerned.
    pub user_code: Option<String>,
    /// The answer's status, even where a fault lost it; 0 where nothing was done.
    pub status: u16,
    /// The exception's name, on errors.
    pub error: Option<String>,
    /// The fault that the request suffered.
    pub fault: Option<&'static str>,
}

/// Watches requests go by.
pub trait Observer: Send + Sync {
    /// Called once for each request to the API, and for each thing done on a page.
    fn saw(&self, activity: &Activity);
}

impl Activity {
    /// What a handler told, with its answer.
    pub(crate) fn answered<B>(&mut self, answer: &Response<B>) {
        self.status = answer.status().as_u16();
        let name = answer.headers().get("x-amzn-errortype");
        let name = name.and_then(|name| name.to_str().ok());
        self.error = name.map(ToOwned::to_owned);
    }

    /// Something that a signed-in person did on a page.
    pub(crate) fn of(signed_in: &SignedIn, operation: &'static str, status: StatusCode) -> Self {
        let person = Some(signed_in.user.name.as_str().to_owned());
        Self {
            operation,
            person,
            status: status.as_u16(),
            ..Self::default()
        }
    }
}
