//! What can go wrong on the way, one thing at a time.

use super::{asked::Asked, memory::Memory, told::Told};

/// What happens.
#[derive(Clone, Copy)]
pub(crate) enum Wrong {
    /// The server is asked something else.
    Asks(Asks),
    /// It tells something else.
    Tells(Tells),
    /// It is not asked at all, where there is an answer.
    Instead(Instead),
}

/// A check, and something that must turn it red.
pub(crate) struct Mutation {
    pub(crate) check: &'static str,
    pub(crate) name: &'static str,
    pub(crate) wrong: Wrong,
}

type Asks = fn(&Memory, &mut Asked);
type Tells = fn(&Memory, &Asked, &mut Told);
type Instead = fn(&Memory, &Asked) -> Option<Told>;

pub(super) const fn asks(check: &'static str, name: &'static str, happens: Asks) -> Mutation {
    let wrong = Wrong::Asks(happens);
    Mutation { check, name, wrong }
}

pub(crate) const fn tells(check: &'static str, name: &'static str, happens: Tells) -> Mutation {
    let wrong = Wrong::Tells(happens);
    Mutation { check, name, wrong }
}

pub(super) const fn instead(check: &'static str, name: &'static str, happens: Instead) -> Mutation {
    let wrong = Wrong::Instead(happens);
    Mutation { check, name, wrong }
}
