//! Checks any server of the IAM Identity Center dialect from the outside: sso-oidc, the portal and
//! the browser's side of them.
//!
//! A black box: nothing here knows Claviger's own types, and everything goes over the wire as a
//! client would send it. Each check is a function over the server that says what is wrong;
//! [`checks()`] lists them. Sections of WIRE are those of the dialect's description,
//! case ids those of the list of security cases.

mod flaw;
mod report;
mod answer;
mod http;
mod pkce;
mod approver;
mod server;
mod check;
mod checks;
mod run;

pub use approver::{Approver, control::Control, pages::Pages, person::Person};
pub use check::{Check, Pace};
pub use checks::checks;
pub use http::{Http, Unreachable};
pub use report::{Outcome, Report, Verdict};
pub use run::{Plan, run};
