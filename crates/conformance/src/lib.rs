//! Checks any server from the outside, in the dialect of IAM Identity Center (sso-oidc, the portal and
//! the browser's side of them) or in the standard one (OAuth 2.0 and OpenID Connect).
//!
//! A black box: nothing here knows Claviger's own types, and everything goes over the wire as a
//! client would send it. Each check is a function over the server that says what is wrong;
//! [`Dialect::checks`] lists them. Sections of WIRE are those of the description of Identity Center's
//! dialect, case ids those of the list of security cases.

mod flaw;
mod report;
mod answer;
mod http;
mod pkce;
mod sent;
mod approver;
mod site;
mod check;
mod aws;
mod oauth;
mod dialect;
mod run;

pub use approver::{Approver, control::Control, pages::Pages, person::Person};
pub use check::{Check, Pace};
pub use dialect::Dialect;
pub use http::{Http, Unreachable};
pub use report::{Outcome, Report, Verdict};
pub use run::{Picked, Plan, run};
