//! Proof of identity by password, throttled before anything is hashed.

use claviger_model::{network::Requester, secret::Secret};

use crate::{context::Context, error::Error, web_session::NewWebSession};

/// Sixteen random bytes in a cookie: ties forms to the browser that was shown them (AUT-16).
pub type BrowserId = [u8; 16];

/// A fresh browser id.
pub fn new_browser_id(context: &Context) -> BrowserId {
    context.draw()
}

/// What a sign-in form posts.
#[derive(Clone, Debug)]
pub struct PasswordSignIn {
    /// The typed name.
    pub user_name: String,
    /// The typed password.
    pub password: Secret,
    /// The known-browser cookie, if there was one: a browser that a person used before has a
    /// bucket of its own (SGN-03).
    pub known_browser: Option<String>,
}

/// A successful sign-in: two cookies to set.
#[derive(Clone, Debug)]
pub struct SignInDone {
    /// The web session.
    pub web_session: NewWebSession,
    /// The known-browser cookie, for 90 days.
    pub known_browser: Secret,
}

/// Signs a person in. A wrong name, a wrong password and a disabled person are one refusal
/// (`Kind::AccessDenied`); a throttle is `Kind::TooManyRequests`.
pub async fn with_password(
    context: &Context,
    requester: &Requester,
    form: PasswordSignIn,
) -> Result<SignInDone, Error> {
    let _ = (context, requester, form);
    todo!()
}

/// Seals where to go after the sign-in, for the form of that browser.
pub fn seal_next(context: &Context, browser: &BrowserId, next: &str) -> Secret {
    let _ = (context, browser, next);
    todo!()
}

/// Where to go after the sign-in; `None` when the form is altered, another browser's or too old.
pub fn open_next(context: &Context, browser: &BrowserId, sealed: &str) -> Option<String> {
    let _ = (context, browser, sealed);
    todo!()
}
