//! A browser's sign-in: who sits in front of the pages.

use claviger_model::{directory::User, id::WebSessionId, secret::Secret, time::Timestamp};

use crate::{context::Context, error::Error};

/// A person signed in at a browser.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The browser session.
    pub web_session_id: WebSessionId,
    /// The person.
    pub user: User,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// The token that every form of this browser session carries.
    pub form_token: String,
    /// When the sign-in ends at the latest.
    pub expires_at: Timestamp,
}

/// A cookie to set after a sign-in.
#[derive(Clone, Debug)]
pub struct NewWebSession {
    /// The cookie's value.
    pub cookie: Secret,
    /// Who signed in.
    pub signed_in: SignedIn,
}

/// The person behind a cookie, or nobody: ended, over, disabled, forged or none at all.
pub async fn current(context: &Context, cookie: &str) -> Result<Option<SignedIn>, Error> {
    let _ = (context, cookie);
    todo!()
}

/// Whether `form_token` came with a form of this browser session.
pub fn admits_form(context: &Context, signed_in: &SignedIn, form_token: &str) -> bool {
    let _ = (context, signed_in, form_token);
    todo!()
}

/// Ends a browser's sign-in. The sessions of its devices go on.
pub async fn sign_out(
    context: &Context,
    requester: &claviger_model::network::Requester,
    signed_in: &SignedIn,
) -> Result<(), Error> {
    let _ = (context, requester, signed_in);
    todo!()
}
