//! The checked server as both dialects meet it: a way there, whoever approves, and the browser's way back.

use std::future::Future;

use url::Url;

use crate::{
    answer::Answer,
    approver::{Approver, decision::Decision},
    flaw::{Checked, Flaw, demand},
    http::{Call, Http},
    sent::{STATE, parameter},
};

/// The checked server, and whoever approves there.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) http: Http,
    approver: Approver,
    note: fn(&str),
}

impl Site {
    pub(crate) const fn new(http: Http, approver: Approver, note: fn(&str)) -> Self {
        Self {
            http,
            approver,
            note,
        }
    }

    // Decisions.

    pub(crate) async fn decide(
        &self,
        user_code: &str,
        address: &str,
        decision: Decision,
    ) -> Checked {
        let decided = self
            .approver
            .decide(&self.http, user_code, address, decision);
        decided.await
    }

    /// Decides about an authorization; answers where the browser goes.
    pub(crate) async fn authorize(&self, url: &str, decision: Decision) -> Checked<Url> {
        self.approver.authorize(&self.http, url, decision).await
    }

    pub(crate) fn redirect_uri(&self) -> String {
        self.approver.redirect_uri()
    }

    // The browser.

    /// Opens a page as a browser that nobody has signed in with.
    pub(crate) async fn open(&self, url: &str) -> Checked<Answer> {
        let call = Call::get(url).header("accept", "text/html");
        self.http.send(call).await
    }

    /// The browser must be back at the application with its own state.
    pub(crate) fn is_back(&self, back: &Url) -> Checked {
        let at = back.as_str().split('?').next().unwrap_or_default();
        demand!(
            at == self.redirect_uri(),
            "the browser is sent to {at}, not to the redirect URI"
        );
        let state = parameter(back, "state").unwrap_or_default();
        demand!(
            state == STATE,
            "`state` came back as {state:?}, not as {STATE:?}"
        );
        Ok(())
    }

    /// The browser must be back with one of these errors, and with no code.
    pub(crate) fn is_back_with(&self, back: &Url, errors: &[&str]) -> Checked {
        self.is_back(back)?;
        let error = parameter(back, "error").unwrap_or_default();
        demand!(
            errors.contains(&error.as_str()),
            "the browser comes back with error={error:?}, not {}",
            errors.join(" or ")
        );
        demand!(
            parameter(back, "code").is_none(),
            "the browser comes back with an error and a code"
        );
        Ok(())
    }

    /// A request whose error belongs to the application: it is sent there at once. Answers the way back.
    pub(crate) async fn sent_back(&self, url: &str, errors: &[&str]) -> Checked<Url> {
        let answer = self.open(url).await?;
        self.leads_back(&answer, answer.header("location"), errors)
    }

    /// An answer must lead the browser back with one of these errors.
    pub(crate) fn leads_back(
        &self,
        answer: &Answer,
        location: Option<&str>,
        errors: &[&str],
    ) -> Checked<Url> {
        let back = location.and_then(|back| back.parse::<Url>().ok());
        let Some(back) = back.filter(|back| !self.http.is_own(back)) else {
            let wanted = errors.join(" or ");
            return Err(answer.wrong(format!("the application should hear of it: error={wanted}")));
        };
        self.is_back_with(&back, errors)?;
        Ok(back)
    }

    /// A request that may be anybody's trap: it ends at a page, and nothing leads away.
    pub(crate) async fn shown(&self, url: &str, what: &str) -> Checked {
        let answer = self.open(url).await?;
        demand!(
            (400..500).contains(&answer.status()) && answer.header("location").is_none(),
            "{} for {what}: it should show an error page and lead nowhere",
            answer.told()
        );
        Ok(())
    }

    // Time.

    /// What happens so many seconds later; the server's clock is put back after it.
    pub(crate) async fn later<T>(
        &self,
        seconds: i64,
        what: impl Future<Output = Checked<T>>,
    ) -> Checked<T> {
        if !self.approver.moves_the_clock() {
            (self.note)(&format!("  waits {seconds} seconds"));
        }
        self.approver.pass(&self.http, seconds).await?;
        let happened = what.await;
        self.approver.return_from(&self.http, seconds).await?;
        happened
    }

    /// Ends the check where so much time passes by itself only and nobody would wait that long.
    pub(crate) fn may_wait(&self, seconds: i64) -> Checked {
        if self.approver.moves_the_clock() || seconds <= PATIENCE {
            return Ok(());
        }
        Err(Flaw::Skipped(format!(
            "it would wait for {seconds} seconds; the control API of `claviger dev` moves the clock"
        )))
    }
}

/// How long a slow check waits at most, in seconds.
const PATIENCE: i64 = 20 * 60;
