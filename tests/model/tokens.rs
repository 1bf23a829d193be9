//! Steps with tokens: refreshing, the portal, logging out, and trying what is dead.

use claviger_engine::{
    error::{Error, Kind},
    grant::pipeline,
    portal,
};
use claviger_model::secret::Secret;
use futures_util::future::join_all;

use crate::{
    faults::{self, Fate},
    lane::{Heard, Holder, Lane, hear},
    reference::{Said, Session},
    stage::from,
};

const HOME: u8 = 0;
const ELSEWHERE: u8 = 7;

/// A refresh token that somebody presents.
#[derive(Clone, Copy, Debug)]
struct Presented {
    session: u32,
    generation: u32,
    network: u8,
    by_thief: bool,
}

impl Lane<'_> {
    /// Somebody refreshes the current session.
    pub(crate) async fn refresh(&mut self) {
        let Some(presented) = self.choose_token() else {
            return;
        };
        if self.chance.happens(4) {
            return self.refresh_by_another_client(presented).await;
        }
        if self.chance.happens(15) && self.refresh_in_parallel(presented).await {
            return;
        }
        for _ in 0..100 {
            let fate = self.draw_fate();
            let heard = self.refresh_once(presented, fate).await;
            if heard.is_some() || self.kind != Holder::Roaming {
                return;
            }
        }
        self.fail("a hundred attempts at once without an answer");
    }

    fn choose_token(&mut self) -> Option<Presented> {
        let session = self.current?;
        let held = self.sessions.get_mut(&session)?;
        let mut presented = Presented {
            session,
            generation: held.honest,
            network: HOME,
            by_thief: false,
        };
        match self.kind {
            Holder::Home => {}
            Holder::Roaming => presented.network = u8::try_from(self.chance.below(5)).ok()?,
            Holder::Thief => {
                if held.stolen.is_none() && self.chance.happens(10) {
                    held.stolen = Some(held.honest);
                }
                if let Some(generation) = held.stolen.filter(|_| self.chance.happens(40)) {
                    presented.generation = generation;
                    presented.network = ELSEWHERE;
                    presented.by_thief = true;
                }
            }
            Holder::Chaos => {
                let recent = held
                    .refresh
                    .keys()
                    .rev()
                    .take(7)
                    .copied()
                    .collect::<Vec<_>>();
                presented.generation = match self.chance.below(3) {
                    0 => self.chance.pick(&recent),
                    1 => *recent.get(1).or(recent.first())?,
                    _ => *recent.first()?,
                };
                presented.network = u8::try_from(self.chance.below(2)).ok()?;
            }
        }
        Some(presented)
    }

    async fn refresh_once(&mut self, presented: Presented, fate: Fate) -> Heard {
        let Presented {
            session,
            generation,
            network,
            ..
        } = presented;
        let now = self.stage.now();
        let before = self.sessions[&session].model.clone();
        let (said, after) = before.refresh(generation, network, now);
        let (foretold, is_made) = Self::foretell(said, after.is_some(), fate);
        self.tell(&format!("refresh {presented:?}, {fate:?}: {said:?}"));
        let answer = faults::with(fate, 0, self.ask(presented)).await;
        let current = after.as_ref().unwrap_or(&before).generation;
        let (heard, issued) = hear(answer, current);
        self.check(heard, foretold);
        if let Some(after) = after.filter(|_| is_made) {
            self.note(&before, &after);
            self.set(session, after);
        }
        if let Some(issued) = issued {
            self.receive(session, current, issued);
            self.keep(presented, current);
        }
        self.check_promises(presented, &before, heard);
        heard
    }

    async fn ask(
        &self,
        presented: Presented,
    ) -> Result<claviger_engine::grant::request::Issued, Error> {
        let mut request = self.request("refresh_token");
        let token = self.sessions[&presented.session]
            .refresh
            .get(&presented.generation);
        request.refresh_token = token.map(|token| Secret::from(token.as_str()));
        pipeline::redeem(&self.stage.context, &from(presented.network), request).await
    }

    /// Processes that read one cache file refresh at once (REF-02); whether they did.
    async fn refresh_in_parallel(&mut self, presented: Presented) -> bool {
        let Presented {
            session,
            generation,
            network,
            ..
        } = presented;
        let now = self.stage.now();
        let racers = self.chance.below(5) + 2;
        let before = self.sessions[&session].model.clone();
        let (said, after) = before.refresh(generation, network, now);
        let after = after.unwrap_or_else(|| before.clone());
        let (again, settled) = after.refresh(generation, network, now);
        if said != again || settled.is_some() {
            return false;
        }
        self.tell(&format!("{racers} refresh at once {presented:?}: {said:?}"));
        let racing = (0..racers).map(|_| faults::with(Fate::Made, 0, self.ask(presented)));
        let answers = join_all(racing).await;
        self.note(&before, &after);
        self.set(session, after.clone());
        for answer in answers {
            let (heard, issued) = hear(answer, after.generation);
            self.check(heard, Some(said));
            if let Some(issued) = issued {
                self.receive(session, after.generation, issued);
                self.keep(presented, after.generation);
            }
        }
        true
    }

    /// Another client with the right token learns and changes nothing (I3, REF-10).
    async fn refresh_by_another_client(&mut self, presented: Presented) {
        self.tell(&format!("another client refreshes {presented:?}"));
        let mut request = self.request("refresh_token");
        request.caller = self.other.clone().into();
        let token = self.sessions[&presented.session]
            .refresh
            .get(&presented.generation);
        request.refresh_token = token.map(|token| Secret::from(token.as_str()));
        let network = from(presented.network);
        let redeemed = pipeline::redeem(&self.stage.context, &network, request);
        let (heard, _) = hear(redeemed.await, 0);
        self.check(heard, Some(Said::Invalid));
    }

    fn set(&mut self, session: u32, model: Session) {
        if let Some(held) = self.sessions.get_mut(&session) {
            held.model = model;
        }
    }

    /// What the write leaves in the audit log (R9).
    fn note(&mut self, before: &Session, after: &Session) {
        if after.ended && !before.ended {
            self.audit("refresh.reuse");
        } else if after.late > before.late {
            self.audit("refresh.late");
        }
    }

    fn keep(&mut self, presented: Presented, generation: u32) {
        if let Some(held) = self.sessions.get_mut(&presented.session) {
            if presented.by_thief {
                held.stolen = Some(generation);
            } else {
                held.honest = generation;
            }
        }
    }

    /// Promises to people, in other words than the rules'.
    fn check_promises(&self, presented: Presented, before: &Session, heard: Heard) {
        let now = self.stage.now();
        let honest = matches!(self.kind, Holder::Home | Holder::Roaming);
        if honest && before.lives(now) && heard == Some(Said::Invalid) {
            self.fail("an honest client was signed out (R4)");
        }
        let at = before.superseded.get(presented.generation as usize - 1);
        let old = at.is_some_and(|at| now - at >= before.rules.lost_answer);
        let elsewhere = before.network != Some(presented.network);
        let lives_on = self.sessions[&presented.session].model.lives(now);
        if old && elsewhere && heard.is_some() && lives_on {
            self.fail("an old token from elsewhere did not end the session");
        }
    }

    /// A portal call with an access token of the current session.
    pub(crate) async fn call_portal(&mut self) {
        let Some(session) = self.current else { return };
        let held = &self.sessions[&session];
        let Some(latest) = held.access.len().checked_sub(1) else {
            return;
        };
        let chosen = if self.chance.happens(60) {
            latest
        } else {
            self.chance.below(u32::try_from(latest + 1).unwrap_or(1)) as usize
        };
        let (token, generation, end) = self.sessions[&session].access[chosen].clone();
        let (fate, now) = (self.draw_fate(), self.stage.now());
        let model = self.sessions[&session].model.clone();
        self.tell(&format!("portal with generation {generation}, {fate:?}"));
        let context = &self.stage.context;
        let called = portal::accounts(context, &token, portal::Page::default());
        let answer = faults::with(fate, 0, called).await;
        let good = model.lives(now) && now < end;
        match (&answer, good, fate) {
            (Ok(_), true, Fate::Made | Fate::Failed | Fate::UnknownMade | Fate::UnknownLost) => {}
            (Err(error), true, Fate::Unreadable) if kind(error) == Some(Kind::Unavailable) => {}
            (Err(error), false, _) if is_unknown_token(error, now < end, fate) => {}
            _ => self.fail(&format!(
                "the portal answered {:?}, good {good}",
                answer.is_ok()
            )),
        }
        if good && generation == model.generation && !model.used && fate.is_made() {
            self.set(session, model.after(|model| model.used = true));
        }
    }

    /// The client logs out (R5): afterwards nothing of the session works.
    pub(crate) async fn log_out(&mut self) {
        let Some(session) = self.current else { return };
        let held = &self.sessions[&session];
        let now = self.stage.now();
        let fresh = held.access.iter().rev().find(|(.., end)| now < *end);
        let Some((token, generation, _)) = fresh.cloned() else {
            return;
        };
        let model = held.model.clone();
        let fate = self.draw_fate();
        // The first write of the call may be that of the generation's first use.
        let marks = generation == model.generation && !model.used;
        self.tell(&format!("log out with generation {generation}, {fate:?}"));
        let network = from(HOME);
        let logged_out = portal::logout(&self.stage.context, &network, &token);
        let answer = faults::with(fate, usize::from(marks), logged_out).await;
        let told = match &answer {
            Ok(()) => true,
            Err(error) if kind(error) == Some(Kind::Unavailable) => false,
            Err(error) => self.fail(&format!("log out: {error}")),
        };
        if told != fate.answers() {
            self.fail("an end is acknowledged exactly when it is there");
        }
        let reads = fate != Fate::Unreadable;
        self.set(
            session,
            model.after(|model| {
                model.used |= marks && reads;
                model.ended |= fate.is_made();
            }),
        );
        if fate.is_made() {
            self.audit("session.end");
        }
    }

    /// Tokens of a session that is over are good for nothing (REF-08, R5).
    pub(crate) async fn present_the_dead(&mut self) {
        let Some(session) = self.current else { return };
        let generations: Vec<u32> = self.sessions[&session].refresh.keys().copied().collect();
        if generations.is_empty() {
            return;
        }
        let presented = Presented {
            session,
            generation: self.chance.pick(&generations),
            network: HOME,
            by_thief: true,
        };
        let heard = self.refresh_once(presented, Fate::Made).await;
        self.check(heard, Some(Said::Invalid));
        self.call_portal().await;
    }
}

fn kind(error: &Error) -> Option<Kind> {
    match error {
        Error::Refused(refusal) => Some(refusal.kind),
        Error::Failed(_) => None,
    }
}

/// An ended session is a bad token; so is an ended token, whose refusal needs no read at all.
fn is_unknown_token(error: &Error, in_date: bool, fate: Fate) -> bool {
    let unreadable = in_date && fate == Fate::Unreadable;
    let expected = if unreadable {
        Kind::Unavailable
    } else {
        Kind::InvalidToken
    };
    kind(error) == Some(expected)
}
