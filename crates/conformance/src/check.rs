//! What a check is.

use std::{future::Future, pin::Pin};

use crate::flaw::Checked;

/// How long a check takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A moment.
    Quick,
    /// It waits for something to expire; made only when asked for.
    Slow,
}

/// One thing that a server of a dialect does.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What it is called; a promise, for scripts name checks by it.
    pub name: &'static str,
    /// Where it is written that servers do so: sections of WIRE, or of a standard.
    pub written: &'static str,
    /// The security cases that it plays.
    pub cases: &'static [&'static str],
    /// How long it takes.
    pub pace: Pace,
}

impl Check {
    /// Whether `name` means this check: its name, or the part of it before the dot.
    pub fn is_named(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// A check, and how it is made of a server that speaks as `S` expects.
#[derive(Debug)]
pub(crate) struct Trial<S> {
    pub(crate) check: Check,
    pub(crate) run: Run<S>,
}

type Run<S> = for<'a> fn(&'a S) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

/// Writes a list of checks: pace, name, where it is written, security cases, function.
macro_rules! checks {
    ($($pace:ident $name:literal $written:literal [$($case:literal)*] $function:path;)*) => {
        &[$($crate::check::Trial {
            check: $crate::check::Check {
                name: $name,
                written: $written,
                cases: &[$($case),*],
                pace: $crate::check::Pace::$pace,
            },
            run: |server| Box::pin($function(server)),
        }),*]
    };
}
pub(crate) use checks;
