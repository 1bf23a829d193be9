//! Steps with codes: devices and authorization codes, from their start to their session.

use claviger_engine::{
    authorize::{self, AuthorizeQuery},
    consent::{self, Consent},
    device::{self, Answer, StartDevice},
    error::{Error, Kind},
    grant::pipeline,
};
use claviger_model::{client::GrantType, secret::Secret};
use claviger_tests::pkce::{VERIFIER, challenge};

use crate::{
    faults::{self, Fate},
    lane::{Lane, hear},
    reference::{self, CodeFate, Device, Flaw, Said},
    stage::from,
};

const REDIRECT: &str = "http://127.0.0.1:4711/cb";

/// How long after its end a code is still tried; rows stay a day.
const TRIED: i64 = 12 * 3600;

/// A device authorization as its client and its person know it.
pub(crate) struct DeviceHeld {
    code: Secret,
    user_code: String,
    state: Device,
    end: i64,
    pub(crate) session: Option<u32>,
}

/// An authorization code as its client knows it.
pub(crate) struct CodeHeld {
    code: Secret,
    end: i64,
    failures: u32,
    /// Whether its client fails until the code is burned.
    clumsy: bool,
    pub(crate) session: Option<u32>,
}

impl Lane<'_> {
    pub(crate) async fn move_device(&mut self) {
        let now = self.stage.now();
        let Some(device) = self.device.take_if(|device| now < device.end + TRIED) else {
            return self.start_device().await;
        };
        let device = match self.chance.below(100) {
            0..45 => self.poll(device).await,
            45..53 => self.poll_as_another_client(device).await,
            53..83 => self.decide(device, Answer::everything()).await,
            83..92 => self.decide(device, Answer::Deny).await,
            _ => return,
        };
        self.device = Some(device);
    }

    async fn start_device(&mut self) {
        let fate = self.draw_fate();
        self.tell(&format!("start a device, {fate:?}"));
        let request = StartDevice {
            client: self.client.clone(),
            start_url: Some(self.stage.context.links.start_url()),
            scopes: Vec::new(),
        };
        let network = from(0);
        let started = device::start(&self.stage.context, &network, request);
        match faults::with(fate, 0, started).await {
            Ok(started) if fate == Fate::Made => {
                self.device = Some(DeviceHeld {
                    code: started.device_code,
                    user_code: started.user_code.to_string(),
                    state: Device::Pending,
                    end: self.stage.now() + 600,
                    session: None,
                });
            }
            Err(error) if fate != Fate::Made && is(&error, Kind::Unavailable) => {}
            other => self.fail(&format!("starting a device: {other:?}")),
        }
    }

    async fn poll(&mut self, mut device: DeviceHeld) -> DeviceHeld {
        let (fate, now) = (self.draw_fate(), self.stage.now());
        let session = device.session.and_then(|number| self.sessions.get(&number));
        let model = session.map(|held| &held.model);
        let verdict = reference::poll(device.state, device.end, model, now);
        let begins = verdict.is_ok() && device.state == Device::Approved;
        let said = verdict.map_or_else(|said| said, |()| Said::Tokens(1));
        let (foretold, is_made) = Self::foretell(said, begins, fate);
        // While the store is away a code in date goes on waiting (TOK-10).
        let waits = if now < device.end {
            Said::Pending
        } else {
            Said::Expired
        };
        self.tell(&format!("poll, {fate:?}: {said:?}"));
        let mut request = self.request(GrantType::DeviceCode.as_str());
        request.device_code = Some(device.code.clone());
        let network = from(0);
        let redeemed = pipeline::redeem(&self.stage.context, &network, request);
        let (heard, issued) = hear(faults::with(fate, 0, redeemed).await, 1);
        self.check(heard, foretold.or(Some(waits)));
        if begins && is_made {
            device.session = Some(self.session_begins());
            device.state = Device::Redeemed(now);
        }
        if let (Some(issued), Some(number)) = (issued, device.session) {
            self.receive(number, 1, issued);
            self.current = Some(number);
        }
        device
    }

    async fn poll_as_another_client(&mut self, device: DeviceHeld) -> DeviceHeld {
        self.tell("another client polls");
        let mut request = self.request(GrantType::DeviceCode.as_str());
        request.caller = self.other.clone().into();
        request.device_code = Some(device.code.clone());
        let network = from(0);
        let redeemed = pipeline::redeem(&self.stage.context, &network, request);
        let (heard, _) = hear(redeemed.await, 0);
        // An undecided row is deleted at its end; then the code itself says so to anybody.
        let is_over = self.stage.now() >= device.end && heard == Some(Said::Expired);
        if !is_over {
            self.check(heard, Some(Said::Invalid));
        }
        device
    }

    async fn decide(&mut self, mut device: DeviceHeld, answer: Answer) -> DeviceHeld {
        let now = self.stage.now();
        let follows = match answer {
            Answer::Approve { .. } => device.state == Device::Pending,
            Answer::Deny => matches!(device.state, Device::Pending | Device::Approved),
        };
        let allowed = follows && now < device.end;
        let fate = if allowed {
            self.draw_fate()
        } else {
            Fate::Made
        };
        // The first write counts the typed code, the second decides.
        let commit = usize::from(fate == Fate::Unreadable || self.chance.happens(70));
        self.tell(&format!(
            "{answer:?} (allowed: {allowed}), {fate:?} at {commit}"
        ));
        let context = &self.stage.context;
        let (person, network) = (self.person.clone(), from(0));
        let decided = device::decide(
            context,
            &network,
            &person,
            &device.user_code,
            answer.clone(),
        );
        let decided = faults::with(fate, commit, decided).await;
        match decided {
            Ok(_) if allowed && fate == Fate::Made => {}
            Err(error) if !allowed && is(&error, Kind::NotFound) => {}
            Err(error) if allowed && fate != Fate::Made && is(&error, Kind::Unavailable) => {}
            other => self.fail(&format!("deciding: {other:?}")),
        }
        if allowed && fate.is_made() && (commit == 1 || fate == Fate::Made) {
            let (state, action) = match answer {
                Answer::Approve { .. } => (Device::Approved, "device.approve"),
                Answer::Deny => (Device::Denied, "device.deny"),
            };
            device.state = state;
            self.audit(action);
        }
        device
    }

    pub(crate) async fn move_code(&mut self) {
        let now = self.stage.now();
        let Some(code) = self.code.take_if(|code| now < code.end + TRIED) else {
            return self.consent().await;
        };
        if self.chance.happens(90) {
            let flaw = match self.chance.below(10) {
                roll if code.clumsy && code.failures < 5 && roll > 3 => Flaw::WrongVerifier,
                0 => Flaw::OtherClient,
                1 => Flaw::OtherRedirect,
                2 => Flaw::WrongVerifier,
                3 => Flaw::NoVerifier,
                _ => Flaw::None,
            };
            let code = self.redeem(code, flaw).await;
            self.code = Some(code);
        }
    }

    async fn consent(&mut self) {
        let fate = self.draw_fate();
        self.tell(&format!("consent, {fate:?}"));
        let query = AuthorizeQuery {
            response_type: Some("code".to_owned()),
            client_id: Some(self.client.client_id.clone()),
            redirect_uri: Some(REDIRECT.to_owned()),
            code_challenge: Some(challenge(VERIFIER)),
            code_challenge_method: Some("S256".to_owned()),
            ..AuthorizeQuery::default()
        };
        let context = &self.stage.context;
        let request = authorize::check(context, &query).expect("a sound request");
        let (person, network) = (self.person.clone(), from(0));
        let approved = consent::approve(context, &network, &person, &request, Consent::Given);
        match faults::with(fate, 0, approved).await {
            Ok(back) if fate == Fate::Made || fate == Fate::Unreadable => {
                let location = back.location.reveal();
                let code = location
                    .split("code=")
                    .nth(1)
                    .and_then(|rest| rest.split('&').next());
                self.code = Some(CodeHeld {
                    code: Secret::from(code.unwrap_or_default()),
                    end: self.stage.now() + 60,
                    failures: 0,
                    clumsy: self.chance.happens(20),
                    session: None,
                });
            }
            Err(error) if fate != Fate::Made && is(&error, Kind::Unavailable) => {}
            other => self.fail(&format!("consenting: {other:?}")),
        }
        if fate.is_made() {
            self.audit("authorize.approve");
        }
    }

    async fn redeem(&mut self, mut code: CodeHeld, flaw: Flaw) -> CodeHeld {
        let now = self.stage.now();
        let redeemed = code.session.is_some();
        let verdict = reference::redeem(redeemed, code.failures, code.end, flaw, now);
        let session = code.session.and_then(|number| self.sessions.get(&number));
        let ends = verdict == CodeFate::EndSession && session.is_some_and(|held| !held.model.ended);
        let (said, writes) = match verdict {
            CodeFate::Begin => (Said::Tokens(1), true),
            CodeFate::EndSession => (Said::Invalid, ends),
            CodeFate::Count(said) => (said, true),
            CodeFate::Refuse => (Said::Invalid, false),
        };
        // Ending what has ended finds nothing to write.
        let idle = verdict == CodeFate::EndSession && !ends;
        let fate = if idle { Fate::Made } else { self.draw_fate() };
        let (foretold, is_made) = Self::foretell(said, writes, fate);
        self.tell(&format!("redeem with {flaw:?}, {fate:?}: {verdict:?}"));
        let redeemed = faults::with(fate, 0, self.ask_for_code(&code, flaw)).await;
        let (heard, issued) = hear(redeemed, 1);
        self.check(heard, foretold);
        if is_made {
            match verdict {
                CodeFate::Begin => code.session = Some(self.session_begins()),
                CodeFate::Count(_) => code.failures += 1,
                CodeFate::EndSession => self.end_replayed(&code),
                CodeFate::Refuse => {}
            }
        }
        if let (Some(issued), Some(number)) = (issued, code.session) {
            self.receive(number, 1, issued);
            self.current = Some(number);
        }
        code
    }

    async fn ask_for_code(
        &self,
        code: &CodeHeld,
        flaw: Flaw,
    ) -> Result<claviger_engine::grant::request::Issued, Error> {
        let mut request = self.request("authorization_code");
        request.code = Some(code.code.clone());
        request.redirect_uri = Some(REDIRECT.to_owned());
        request.code_verifier = Some(Secret::from(VERIFIER));
        match flaw {
            Flaw::None => {}
            Flaw::OtherClient => request.caller = self.other.clone().into(),
            Flaw::OtherRedirect => request.redirect_uri = Some("http://127.0.0.1:1/cb".to_owned()),
            Flaw::WrongVerifier => request.code_verifier = Some(Secret::new("x".repeat(43))),
            Flaw::NoVerifier => request.code_verifier = None,
        }
        pipeline::redeem(&self.stage.context, &from(0), request).await
    }

    fn end_replayed(&mut self, code: &CodeHeld) {
        let session = code
            .session
            .and_then(|number| self.sessions.get_mut(&number));
        if let Some(held) = session {
            held.model.ended = true;
        }
        self.audit("code.replay");
    }
}

fn is(error: &Error, kind: Kind) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.kind == kind)
}
