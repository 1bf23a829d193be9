//! What a check is.

use std::{future::Future, pin::Pin};

use crate::{flaw::Checked, server::Server};

/// How long a check takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A moment.
    Quick,
    /// It waits for something to expire; made only when asked for.
    Slow,
}

type Run = for<'a> fn(&'a Server) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

/// One thing that a server of the dialect does.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What it is called; a promise, for scripts name checks by it.
    pub name: &'static str,
    /// The sections of WIRE that ask for it.
    pub wire: &'static str,
    /// The security cases that it plays.
    pub cases: &'static [&'static str],
    /// How long it takes.
    pub pace: Pace,
    pub(crate) run: Run,
}

impl Check {
    /// Whether `name` means this check: its name, or the part of it before the dot.
    pub fn is_named(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// Writes a list of checks: name, sections of WIRE, security cases, function.
macro_rules! checks {
    ($($pace:ident $name:literal $wire:literal [$($case:literal)*] $function:path;)*) => {
        &[$($crate::check::Check {
            name: $name,
            wire: $wire,
            cases: &[$($case),*],
            pace: $crate::check::Pace::$pace,
            run: |server| Box::pin($function(server)),
        }),*]
    };
}
pub(crate) use checks;
