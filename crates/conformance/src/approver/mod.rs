//! Who decides about devices and applications: the checked server asks a person.

pub(crate) mod decision;
pub(crate) mod control;
pub(crate) mod pages;
pub(crate) mod person;

use url::Url;

use self::{control::Control, decision::Decision, pages::Pages, person::Person};
use crate::{flaw::Checked, http::Http};

/// Who approves and denies.
#[derive(Debug)]
pub enum Approver {
    /// The control API of `claviger dev`.
    Control(Control),
    /// A name and a password, typed into the server's own pages.
    Pages(Pages),
    /// Somebody who is told what to open.
    Person(Person),
}

impl Approver {
    /// Where applications wait for their code.
    pub(crate) fn redirect_uri(&self) -> String {
        let port = match self {
            // Nobody listens there: the way back is read off the answer.
            Self::Control(_) | Self::Pages(_) => 49152,
            Self::Person(person) => person.port(),
        };
        format!("http://127.0.0.1:{port}/oauth/callback")
    }

    /// Decides about a device by the address that its client would show.
    pub(crate) async fn decide(
        &self,
        http: &Http,
        user_code: &str,
        address: &str,
        decision: Decision,
    ) -> Checked {
        match self {
            Self::Control(control) => control.decide(http, user_code, decision).await,
            Self::Pages(pages) => pages.decide(http, address, decision).await,
            Self::Person(person) => person.decide(user_code, address, decision).await,
        }
    }

    /// Decides about an application; answers where the browser is sent.
    pub(crate) async fn authorize(
        &self,
        http: &Http,
        address: &str,
        decision: Decision,
    ) -> Checked<Url> {
        match self {
            Self::Control(control) => control.authorize(http, address, decision).await,
            Self::Pages(pages) => pages.authorize(http, address, decision).await,
            Self::Person(person) => person.authorize(address, decision).await,
        }
    }

    /// Whether time passes for the server without anybody waiting.
    pub(crate) const fn moves_the_clock(&self) -> bool {
        matches!(self, Self::Control(_))
    }

    /// Lets so many seconds pass for the server.
    pub(crate) async fn pass(&self, http: &Http, seconds: i64) -> Checked {
        match self {
            Self::Control(control) => control.advance(http, seconds).await,
            Self::Pages(_) | Self::Person(_) => {
                let seconds = u64::try_from(seconds).unwrap_or(0);
                tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                Ok(())
            }
        }
    }

    /// Undoes what `pass` did to the server's clock, if anything.
    pub(crate) async fn return_from(&self, http: &Http, seconds: i64) -> Checked {
        match self {
            Self::Control(control) => control.advance(http, -seconds).await,
            Self::Pages(_) | Self::Person(_) => Ok(()),
        }
    }
}
