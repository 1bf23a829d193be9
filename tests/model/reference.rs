//! The reference: what refresh tokens, device codes and authorization codes must do, written from
//! the settled rules and SECURITY-CASES A5 alone. It shares no code with the product.

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Tokens of this generation of the session.
    Tokens(u32),
    /// `invalid_grant`.
    Invalid,
    /// `invalid_request`: the verifier is missing.
    VerifierMissing,
    /// The device waits for a person.
    Pending,
    /// A person said no.
    Denied,
    /// The device code is over.
    Expired,
}

/// An answer, and the state after the write that it needs (none: it needs no write).
pub(crate) type Judged<T> = (Said, Option<T>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) grace: i64,
    pub(crate) lost_answer: i64,
    pub(crate) same_network: bool,
}

pub(crate) const AWS: Rules = Rules {
    grace: 60,
    lost_answer: 3600,
    same_network: true,
};
pub(crate) const OAUTH: Rules = Rules {
    grace: 30,
    lost_answer: 600,
    same_network: false,
};

/// Eight hours, idle and in all.
pub(crate) const LIFETIME: i64 = 8 * 3600;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) rules: Rules,
    pub(crate) generation: u32,
    /// Whether any token of the current generation was accepted.
    pub(crate) used: bool,
    /// When generation n + 1 was superseded.
    pub(crate) superseded: Vec<i64>,
    /// Where the last rotation was asked from.
    pub(crate) network: Option<u8>,
    pub(crate) late: u32,
    pub(crate) ended: bool,
    pub(crate) idle_end: i64,
    pub(crate) end: i64,
}

impl Session {
    pub(crate) fn begin(rules: Rules, now: i64) -> Self {
        let (generation, used, superseded, network) = (1, false, Vec::new(), None);
        let (late, ended, end) = (0, false, now + LIFETIME);
        Self {
            rules,
            generation,
            used,
            superseded,
            network,
            late,
            ended,
            idle_end: end,
            end,
        }
    }

    pub(crate) fn lives(&self, now: i64) -> bool {
        !self.ended && now < self.end.min(self.idle_end)
    }

    pub(crate) fn after(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut after = self.clone();
        change(&mut after);
        after
    }

    /// An authentic refresh token of generation `p` from `network`.
    pub(crate) fn refresh(&self, p: u32, network: u8, now: i64) -> Judged<Self> {
        let (g, again) = (self.generation, Said::Tokens(self.generation));
        if !self.lives(now) {
            return (Said::Invalid, None);
        }
        let age = |at: &i64| now - at;
        if p == g {
            let recent = self
                .superseded
                .iter()
                .filter(|at| age(at) < self.rules.grace)
                .count();
            if recent >= 4 || self.end - now < 15 * 60 {
                return (again, None);
            }
            let rotated = self.after(|s| {
                s.generation += 1;
                s.superseded.push(now);
                (s.used, s.network) = (false, Some(network));
                s.idle_end = s.end.min(now + LIFETIME);
            });
            return (Said::Tokens(g + 1), Some(rotated));
        }
        let back = g - p;
        let age = self.superseded.get(p as usize - 1).map_or(i64::MAX, age);
        if back <= 4 && age < self.rules.grace {
            return (again, None);
        }
        if back == 1 && self.rules.same_network && self.network == Some(network) {
            return (again, None);
        }
        if back == 1 && !self.used && age < self.rules.lost_answer && self.late < 2 {
            return (again, Some(self.after(|s| s.late += 1)));
        }
        (Said::Invalid, Some(self.after(|s| s.ended = true)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Pending,
    Approved,
    Denied,
    Redeemed(i64),
}

/// What a poll by the right client comes to; `Ok` begins or repeats a session.
pub(crate) fn poll(
    state: Device,
    end: i64,
    session: Option<&Session>,
    now: i64,
) -> Result<(), Said> {
    match state {
        Device::Redeemed(at) => {
            let untouched = session.is_some_and(|s| s.lives(now) && s.generation == 1);
            if now < at + 60 && untouched {
                Ok(())
            } else {
                Err(Said::Invalid)
            }
        }
        _ if now >= end => Err(Said::Expired),
        Device::Pending => Err(Said::Pending),
        Device::Denied => Err(Said::Denied),
        Device::Approved => Ok(()),
    }
}

/// What is right and wrong about a redemption of an authorization code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    OtherClient,
    OtherRedirect,
    WrongVerifier,
    NoVerifier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeFate {
    Begin,
    EndSession,
    Count(Said),
    Refuse,
}

pub(crate) fn redeem(redeemed: bool, failures: u32, end: i64, flaw: Flaw, now: i64) -> CodeFate {
    match flaw {
        Flaw::OtherClient => CodeFate::Refuse,
        Flaw::None if redeemed => CodeFate::EndSession,
        _ if redeemed || now >= end || failures >= 5 => CodeFate::Refuse,
        Flaw::None => CodeFate::Begin,
        Flaw::NoVerifier => CodeFate::Count(Said::VerifierMissing),
        Flaw::OtherRedirect | Flaw::WrongVerifier => CodeFate::Count(Said::Invalid),
    }
}
