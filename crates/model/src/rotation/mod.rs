//! Refresh rotation: one pure judgement over the presented and the current generation.
//!
//! Parallel command lines, retried answers and read-only copies of a cache are the normal life of
//! a refresh token; theft is the exception. The rules (SECURITY-CASES A5 as settled) make honest
//! trouble converge on one successor and still end the session of a thief. `docs/refresh.md`
//! tells the reasons row by row.

use crate::time::{Lifetime, Timestamp};

/// How many past rotations are remembered.
pub const REMEMBERED: usize = 4;

/// With less than this left of a session, refreshing no longer rotates: there is nothing to gain
/// and an answer lost now could not be retried by the client.
const LAST_STRETCH: Lifetime = Lifetime::minutes(15);

/// How many answers a session may have under the lost-answer rule; a thief who always rotates
/// first and uses nothing could otherwise lurk for ever.
const LATE_ANSWERS: u8 = 2;

/// A network prefix as rows remember it: a keyed digest, so that a stolen store tells no places.
pub type NetworkTag = [u8; 8];

/// Where a session's refresh tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotations {
    /// The current generation, from 1.
    pub generation: u32,
    /// The key epoch that made the current generation's refresh token.
    pub generation_epoch: u8,
    /// The highest generation of which any token was accepted since it was made.
    pub used_generation: u32,
    /// When the last four rotations happened, latest first.
    pub rotated_at: [Option<Timestamp>; REMEMBERED],
    /// The network that the latest rotation was asked from.
    pub rotated_network: Option<NetworkTag>,
    /// Answers given under the lost-answer rule.
    pub late_answers: u8,
}

/// The windows and switches of the judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationRules {
    /// How long a superseded token is answered with its successor (60 s AWS, 30 s OAuth).
    pub grace: Lifetime,
    /// How long an unused successor may be fetched again from elsewhere (1 h AWS, 10 min OAuth).
    pub lost_answer: Lifetime,
    /// Whether the network that rotated may present the superseded token at any time.
    pub same_network: bool,
    /// Whether a token ahead of the store is taken for a store that lost its tail.
    pub accept_ahead: bool,
    /// No extension beyond `grace` and always a rotation.
    pub strict: bool,
}

/// What is presented and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The generation inside the fully authentic refresh token.
    pub generation: u32,
    /// Where it came from.
    pub network: NetworkTag,
    /// When.
    pub now: Timestamp,
    /// When the session ends.
    pub session_ends: Timestamp,
}

/// What is to be done about a fully authentic refresh token of a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write this generation and answer its tokens.
    Rotate {
        /// The generation to write.
        to: u32,
        /// The store had fallen behind its own tokens: raise the alarm (REF-22).
        ahead: bool,
    },
    /// Answer the current generation's tokens.
    Converge(Convergence),
    /// A superseded token that no rule excuses: end the session.
    Revoke,
    /// Authentic, but further ahead of the store than it can have lost: refuse, raise the alarm,
    /// change nothing.
    RefuseAhead,
}

/// Why the current generation is answered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convergence {
    /// The current token, but rotating would only spend the memory of past rotations.
    Unrotated,
    /// A racer or a prompt retry.
    Grace,
    /// The network that rotated, reading an old copy of its cache.
    SameNetwork,
    /// The successor was never used by anyone: its answer was lost. Counted and audited.
    LostAnswer,
}

/// Judges; the first rule that holds decides.
pub fn judge(state: &Rotations, rules: &RotationRules, presented: &Presented) -> Verdict {
    let current = state.generation;
    if presented.generation == current {
        return if keeps_generation(state, rules, presented) {
            Verdict::Converge(Convergence::Unrotated)
        } else {
            Verdict::Rotate {
                to: current.saturating_add(1),
                ahead: false,
            }
        };
    }
    if presented.generation > current {
        let near = presented.generation - current <= 4;
        return if near && rules.accept_ahead {
            Verdict::Rotate {
                to: presented.generation.saturating_add(1),
                ahead: true,
            }
        } else {
            Verdict::RefuseAhead
        };
    }
    judge_superseded(state, rules, presented)
}

fn keeps_generation(state: &Rotations, rules: &RotationRules, presented: &Presented) -> bool {
    let memory_is_full = state
        .rotated_at
        .iter()
        .all(|at| at.is_some_and(|at| at.is_within(rules.grace, presented.now)));
    let last_stretch = presented.session_ends.remaining(presented.now) < LAST_STRETCH;
    !rules.strict && (memory_is_full || last_stretch)
}

fn judge_superseded(state: &Rotations, rules: &RotationRules, presented: &Presented) -> Verdict {
    let steps_back = state.generation - presented.generation;
    let superseded_at = usize::try_from(steps_back - 1)
        .ok()
        .and_then(|index| state.rotated_at.get(index).copied().flatten());
    if superseded_at.is_some_and(|at| at.is_within(rules.grace, presented.now)) {
        return Verdict::Converge(Convergence::Grace);
    }
    if rules.strict || steps_back != 1 {
        return Verdict::Revoke;
    }
    if rules.same_network && state.rotated_network == Some(presented.network) {
        return Verdict::Converge(Convergence::SameNetwork);
    }
    let unused = state.used_generation < state.generation;
    let recent = superseded_at.is_some_and(|at| at.is_within(rules.lost_answer, presented.now));
    if unused && recent && state.late_answers < LATE_ANSWERS {
        return Verdict::Converge(Convergence::LostAnswer);
    }
    Verdict::Revoke
}

#[cfg(test)]
mod tests;
