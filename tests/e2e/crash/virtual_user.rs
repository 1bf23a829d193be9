//! An honest user: signs devices in, refreshes, looks, signs some out again; and sends whatever
//! was not answered once more.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use claviger_tests::{
    aws::{ACCOUNT_ACCESS, Client, DEVICE_CODE},
    child::PATIENCE,
    http::{Request, Response},
    instance::PASSWORD,
};
use serde_json::{Value, json};

use super::{
    caller::{self, Caller},
    chance::Chance,
    history::{End, History, Story},
};

/// One user with a browser and a program.
#[derive(Clone)]
pub(super) struct VirtualUser {
    /// Who it is, and who it is next when that one may type no more codes.
    pub(super) names: VecDeque<String>,
    pub(super) caller: Caller,
    pub(super) start_url: String,
    pub(super) history: History,
    pub(super) chance: Chance,
    pub(super) stop: Arc<AtomicBool>,
}

impl VirtualUser {
    /// Lives until it is told to stop; what it began it finishes.
    pub(super) async fn live(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(broken) = self.one_session().await {
                self.history.broke(broken);
            }
        }
    }

    /// One session from its sign-in to wherever chance leaves it.
    pub(super) async fn one_session(&mut self) -> Result<(), String> {
        let client = self.register().await?;
        let Some(mut story) = self.sign_in(client).await? else {
            self.become_somebody_else();
            return Ok(());
        };
        for _ in 0..self.chance.within(0..=5) {
            let parallel = if self.chance.percent(30) { 3 } else { 1 };
            self.refresh(&mut story, parallel).await?;
            self.look(&story).await?;
        }
        if self.chance.percent(40) {
            self.log_out(&mut story).await?;
        }
        self.history.add(story);
        Ok(())
    }

    /// One session with one of everything, whatever is lost on the way.
    pub(super) async fn whole_life(&mut self, ends: bool) -> Result<(), String> {
        let client = self.register().await?;
        let Some(mut story) = self.sign_in(client).await? else {
            return Err("nobody may sign in any more".to_owned());
        };
        self.refresh(&mut story, 1).await?;
        self.look(&story).await?;
        if ends {
            self.log_out(&mut story).await?;
        }
        self.history.add(story);
        Ok(())
    }

    async fn register(&self) -> Result<Client, String> {
        let body =
            json!({ "clientName": "load", "clientType": "public", "scopes": [ACCOUNT_ACCESS] });
        let (answer, _) = self.caller.call("/client/register", &body).await?;
        expect(&answer, 200)?;
        Ok(Client {
            id: answer.member("clientId"),
            secret: answer.member("clientSecret"),
        })
    }

    /// The device grant, whatever is lost on the way; no session where the person may try no more.
    async fn sign_in(&mut self, client: Client) -> Result<Option<Story>, String> {
        let body = client.with(json!({ "startUrl": self.start_url }));
        let (started, retried) = self.caller.call("/device_authorization", &body).await?;
        expect(&started, 200)?;
        self.history.told().abandoned += usize::from(retried);
        let device_code = started.member("deviceCode");
        let poll = client.with(json!({ "grantType": DEVICE_CODE, "deviceCode": device_code }));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let approved = self.caller.approve(&started.member("userCode")).await;
            let (answer, _) = self.caller.call("/token", &poll).await?;
            match (answer.status.as_u16(), error_of(&answer).as_str()) {
                (200, _) => {
                    let (access, refresh) = tokens(&answer)?;
                    return Ok(Some(Story::begin(client, &access, &refresh)));
                }
                // Not approved: the approval was lost, or refused, or nobody is signed in.
                (400, "authorization_pending" | "slow_down") => {
                    let name = self.names.front().cloned().unwrap_or_default();
                    let signed_in = match approved {
                        Some(refused) if refused.status == 429 => Some(refused),
                        _ => self.caller.sign_in(&name, PASSWORD).await,
                    };
                    if signed_in.is_some_and(|answer| answer.status == 429) {
                        self.history.told().abandoned += 1;
                        return Ok(None);
                    }
                    caller::pause().await;
                }
                _ => return Err(format!("an approved device was refused:\n{answer}")),
            }
        }
        Err(format!("a device could not be approved for {PATIENCE:?}"))
    }

    /// A crash between a typed code or password and the answer leaves it counted as a wrong one.
    /// People do not meet ten crashes in ten minutes; virtual ones do.
    pub(super) fn become_somebody_else(&mut self) {
        self.names.rotate_left(1);
        let place = [(); 3].map(|()| self.chance.within(1..=250).to_string());
        self.caller = self.caller.elsewhere(format!("10.{}", place.join(".")));
    }

    /// Refreshes: one request, or several at once as parallel command lines do.
    async fn refresh(&mut self, story: &mut Story, parallel: usize) -> Result<(), String> {
        let presented = story.current().to_owned();
        let members = json!({ "grantType": "refresh_token", "refreshToken": presented });
        let body = story.client.with(members);
        let calls = (0..parallel).map(|_| self.caller.call("/token", &body));
        for answer in futures_util::future::join_all(calls).await {
            let (answer, _) = answer?;
            expect(&answer, 200)?;
            let (access, received) = tokens(&answer)?;
            story.refreshed(&presented, &received, &access)?;
        }
        Ok(())
    }

    /// Looks at the accounts.
    async fn look(&self, story: &Story) -> Result<(), String> {
        expect(&self.accounts(&story.access).await?, 200)
    }

    /// Signs out; once that is acknowledged the token is dead.
    async fn log_out(&self, story: &mut Story) -> Result<(), String> {
        let request = Request::post("/logout").header("x-amz-sso_bearer_token", &story.access);
        let (answer, retried) = self.caller.insist(&request).await?;
        // The attempt that was not answered may have ended it.
        if !(retried && answer.status == 401) {
            expect(&answer, 200)?;
        }
        story.end = End::Ended;
        expect(&self.accounts(&story.access).await?, 401)
    }

    async fn accounts(&self, access: &str) -> Result<Response, String> {
        let request = Request::get("/assignment/accounts").header("x-amz-sso_bearer_token", access);
        Ok(self.caller.insist(&request).await?.0)
    }
}

/// An answer with this status; 503 and silence were waited out before.
pub(super) fn expect(answer: &Response, status: u16) -> Result<(), String> {
    if answer.status.as_u16() == status {
        Ok(())
    } else {
        Err(format!("{status} was due, but this came:\n{answer}"))
    }
}

/// Access and refresh token of an answer.
pub(super) fn tokens(answer: &Response) -> Result<(String, String), String> {
    let json = answer.json();
    let text = |name: &str| {
        json.get(name)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let both = text("accessToken").zip(text("refreshToken"));
    both.ok_or_else(|| format!("tokens are missing in\n{answer}"))
}

fn error_of(answer: &Response) -> String {
    let json = answer.json();
    let error = json.get("error").and_then(Value::as_str);
    error.unwrap_or_default().to_owned()
}
