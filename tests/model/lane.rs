//! A lane: one person, two clients, their codes and sessions, moved by chance one step a round.
//! Lanes share clock, store and commits, and nothing else.

use std::collections::BTreeMap;

use claviger_engine::{
    client::authenticate::ClientCredentials,
    error::{Error, Kind},
    grant::request::{Issued, TokenRequest},
    web_session::SignedIn,
};
use claviger_model::{client::Dialect, secret::Secret, time::Timestamp};

use crate::{
    chance::Chance,
    codes::{CodeHeld, DeviceHeld},
    faults::Fate,
    reference::{AWS, OAUTH, Rules, Said, Session},
    stage::Stage,
};

/// Who holds a lane's refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// One honest AWS client that never leaves its network, and waits as long as it likes
    /// between attempts.
    Home,
    /// One honest client, each attempt from another network, that repeats a failed one at once.
    Roaming,
    /// An honest client at home and a thief elsewhere with a copy of its cache.
    Thief,
    /// Any token from anywhere: only the reference says what must come of it.
    Chaos,
}

/// A session that began, and what came of it.
pub(crate) struct Held {
    pub(crate) model: Session,
    /// The refresh token of each generation that was ever answered.
    pub(crate) refresh: BTreeMap<u32, String>,
    /// Access tokens with their generation and end.
    pub(crate) access: Vec<(Secret, u32, i64)>,
    /// The generation that the honest client holds.
    pub(crate) honest: u32,
    /// The generation that the thief holds.
    pub(crate) stolen: Option<u32>,
}

pub(crate) struct Lane<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) chance: Chance,
    pub(crate) kind: Holder,
    pub(crate) rules: Rules,
    pub(crate) person: SignedIn,
    pub(crate) client: ClientCredentials,
    pub(crate) other: ClientCredentials,
    pub(crate) sessions: BTreeMap<u32, Held>,
    pub(crate) begun: u32,
    pub(crate) current: Option<u32>,
    pub(crate) device: Option<DeviceHeld>,
    pub(crate) code: Option<CodeHeld>,
    /// What the audit log must hold.
    pub(crate) audited: BTreeMap<&'static str, usize>,
    pub(crate) steps: usize,
    /// The last operations, told when something is wrong.
    pub(crate) story: Vec<String>,
}

/// What an operation answered, in the reference's words; `None`: try again later (503).
pub(crate) type Heard = Option<Said>;

impl<'a> Lane<'a> {
    pub(crate) async fn begin(stage: &'a Stage, seed: u64, number: u32) -> Self {
        let (kind, dialect) = match number % 7 {
            0 | 1 => (Holder::Home, Dialect::Aws),
            2 => (Holder::Roaming, Dialect::Aws),
            3 => (Holder::Roaming, Dialect::Oauth),
            4 => (Holder::Thief, Dialect::Aws),
            5 => (Holder::Thief, Dialect::Oauth),
            _ => (
                Holder::Chaos,
                if number.is_multiple_of(2) {
                    Dialect::Aws
                } else {
                    Dialect::Oauth
                },
            ),
        };
        Self {
            stage,
            chance: Chance::new(seed ^ (u64::from(number) << 32)),
            kind,
            rules: if dialect == Dialect::Aws { AWS } else { OAUTH },
            person: stage.person(number).await,
            client: stage.client(dialect),
            other: stage.client(dialect),
            sessions: BTreeMap::new(),
            begun: 0,
            current: None,
            device: None,
            code: None,
            audited: BTreeMap::new(),
            steps: 0,
            story: Vec::new(),
        }
    }

    /// One operation and a look at the rows.
    pub(crate) async fn step(&mut self) {
        let lives = self.current_lives();
        match self.chance.below(100) {
            roll if lives && roll < 74 => self.refresh().await,
            roll if lives && roll < 86 => self.call_portal().await,
            roll if lives && roll < 88 => self.log_out().await,
            roll if !lives && roll < 10 => self.present_the_dead().await,
            roll if roll.is_multiple_of(2) => self.move_device().await,
            _ => self.move_code().await,
        }
        self.compare_rows().await;
        self.forget_the_dead();
    }

    pub(crate) fn current_lives(&self) -> bool {
        let now = self.stage.now();
        self.current().is_some_and(|held| held.model.lives(now))
    }

    pub(crate) fn current(&self) -> Option<&Held> {
        self.current.and_then(|number| self.sessions.get(&number))
    }

    /// The fate of the next commit.
    pub(crate) fn draw_fate(&mut self) -> Fate {
        match self.chance.below(100) {
            0..70 => Fate::Made,
            70..78 => Fate::Failed,
            78..88 => Fate::UnknownMade,
            88..95 => Fate::UnknownLost,
            _ => Fate::Unreadable,
        }
    }

    /// What must be heard of an operation that `needs_write`, and whether its write is there.
    pub(crate) fn foretell(said: Said, needs_write: bool, fate: Fate) -> (Heard, bool) {
        if fate == Fate::Unreadable {
            (None, false)
        } else if needs_write {
            (fate.answers().then_some(said), fate.is_made())
        } else {
            (Some(said), false)
        }
    }

    pub(crate) fn audit(&mut self, action: &'static str) {
        *self.audited.entry(action).or_default() += 1;
    }

    /// A session begins, on the store's side; its tokens may never have arrived.
    pub(crate) fn session_begins(&mut self) -> u32 {
        self.begun += 1;
        let held = Held {
            model: Session::begin(self.rules, self.stage.now()),
            refresh: BTreeMap::new(),
            access: Vec::new(),
            honest: 1,
            stolen: None,
        };
        self.sessions.insert(self.begun, held);
        self.audit("session.start");
        self.begun
    }

    pub(crate) fn request(&self, grant: &str) -> TokenRequest {
        TokenRequest::new(self.client.clone(), grant)
    }

    pub(crate) fn tell(&mut self, what: &str) {
        self.steps += 1;
        let told = format!("{} {what}", self.stage.now());
        self.story.push(told);
        if self.story.len() > 40 {
            self.story.remove(0);
        }
    }

    /// The heard must be the foretold.
    #[track_caller]
    pub(crate) fn check(&self, heard: Heard, foretold: Heard) {
        if heard != foretold {
            self.fail(&format!("heard {heard:?}, foretold {foretold:?}"));
        }
    }

    #[track_caller]
    pub(crate) fn fail(&self, why: &str) -> ! {
        panic!(
            "{why}\n{:?} of {}\n{}",
            self.kind,
            self.person.user.name,
            self.story.join("\n")
        );
    }

    /// Takes in tokens of a session: one generation has one refresh token for ever (R3, I2).
    pub(crate) fn receive(&mut self, number: u32, generation: u32, issued: Issued) {
        let now = self.stage.now();
        let refresh = issued.refresh_token.map(|token| token.reveal().to_owned());
        let Some(refresh) = refresh else {
            self.fail("no refresh token (TOK-12)")
        };
        let Some(held) = self.sessions.get_mut(&number) else {
            return;
        };
        let lifetime = i64::from(issued.expires_in.as_seconds());
        let left = held.model.end.min(held.model.idle_end) - now;
        let known = held.refresh.insert(generation, refresh.clone());
        held.access
            .push((issued.access_token, generation, now + lifetime));
        if held.access.len() > 8 {
            held.access.remove(0);
        }
        let others = held
            .refresh
            .iter()
            .filter(|(_, token)| **token == refresh)
            .count();
        if known.is_some_and(|known| known != refresh) || others != 1 {
            self.fail("a generation has two refresh tokens, or two generations have one");
        }
        if lifetime != left.min(3600) {
            self.fail(&format!(
                "the access token lives {lifetime} s, the session {left} s"
            ));
        }
    }

    /// The store's live sessions of the person are the reference's (R2, R3).
    async fn compare_rows(&self) {
        let now = self.stage.now();
        let live = claviger_store::repository::session::live_of_user(
            self.stage.store.as_ref(),
            self.person.user.id,
            Timestamp::from_epoch_seconds(now),
        );
        let rows = live.await.expect("a read");
        let mut stored: Vec<_> = rows
            .iter()
            .map(|row| &row.rotations)
            .map(|row| {
                (
                    row.generation,
                    row.used_generation == row.generation,
                    row.late_answers,
                )
            })
            .collect();
        let mut foretold: Vec<_> = self
            .sessions
            .values()
            .map(|held| &held.model)
            .filter(|model| model.lives(now))
            .map(|model| {
                (
                    model.generation,
                    model.used,
                    u8::try_from(model.late).unwrap_or(9),
                )
            })
            .collect();
        stored.sort_unstable();
        foretold.sort_unstable();
        if stored != foretold {
            self.fail(&format!("the store has {stored:?}, foretold {foretold:?}"));
        }
    }

    fn forget_the_dead(&mut self) {
        let now = self.stage.now();
        let device = self.device.as_ref().and_then(|device| device.session);
        let code = self.code.as_ref().and_then(|code| code.session);
        let wanted = [self.current, device, code];
        self.sessions
            .retain(|number, held| wanted.contains(&Some(*number)) || held.model.lives(now));
    }
}

/// An answer of the token endpoint in the reference's words: tokens of a generation that the
/// caller foretells, a refusal, or nothing (503). Anything else has the wrong colour (R7).
pub(crate) fn hear(answer: Result<Issued, Error>, generation: u32) -> (Heard, Option<Issued>) {
    let refusal = match answer {
        Ok(issued) => return (Some(Said::Tokens(generation)), Some(issued)),
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Failed(failure)) => panic!("a failure of ours: {failure:?}"),
    };
    let said = match refusal.kind {
        Kind::Unavailable => None,
        Kind::InvalidGrant => Some(Said::Invalid),
        Kind::InvalidRequest => Some(Said::VerifierMissing),
        Kind::AuthorizationPending | Kind::SlowDown => Some(Said::Pending),
        Kind::AccessDenied => Some(Said::Denied),
        Kind::ExpiredToken => Some(Said::Expired),
        other => panic!("{other:?} belongs to no row of the reference"),
    };
    (said, None)
}
