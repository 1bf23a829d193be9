//! What `claviger dev` shows of each request. Never a log: it may name a user code.

use claviger_engine::web_session::SignedIn;
use http::StatusCode;

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
    /// The answer's status; 0 where a fault left none.
    pub status: u16,
    /// The exception's name, on errors.
    pub error: Option<String>,
    /// The fault that the request suffered.
    pub fault: Option<&'static str>,
}

/// Watches requests go by.
pub trait Observer: Send + Sync {
    /// Called once for each API request and each thing done on a page.
    fn saw(&self, activity: &Activity);
}

impl Activity {
    /// A call of the API, as yet without an answer.
    pub(crate) fn call(operation: &'static str) -> Self {
        Self {
            operation,
            ..Self::default()
        }
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
