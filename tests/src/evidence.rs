//! What a test of a fault has seen: a line that `cargo xtask faults` puts into its table.

use std::{fmt, time::Duration};

/// That a fault happened, and what came of it. What is not said was not counted.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Evidence {
    happened: String,
    answers: Option<String>,
    lost: Option<usize>,
    doubled: Option<usize>,
    recovery: Option<Duration>,
}

impl Evidence {
    /// That it happened, and how often.
    pub fn that(happened: impl Into<String>) -> Self {
        Self {
            happened: happened.into(),
            ..Self::default()
        }
    }

    /// How often callers were answered, were answered 503, and were not answered.
    pub fn answers(mut self, served: u64, unavailable: u64, none: u64) -> Self {
        self.answers = Some(format!("{served} / {unavailable} / {none}"));
        self
    }

    /// How much of what was acknowledged was not there afterwards.
    pub fn lost(mut self, lost: usize) -> Self {
        self.lost = Some(lost);
        self
    }

    /// How much happened more often than it was asked for.
    pub fn doubled(mut self, doubled: usize) -> Self {
        self.doubled = Some(doubled);
        self
    }

    /// How long it took from the end of the fault until callers were served.
    pub fn recovered_in(mut self, took: Duration) -> Self {
        self.recovery = Some(took);
        self
    }

    /// Says so.
    #[expect(clippy::print_stdout, reason = "whoever runs the table reads it")]
    pub fn print(self) {
        println!("evidence: {self}");
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let count = |count: Option<usize>| or_none(count.map(|count| count.to_string()));
        let recovery = self.recovery.map(|took| format!("{} ms", took.as_millis()));
        write!(
            f,
            "{} | {} | {} | {} | {}",
            self.happened,
            or_none(self.answers.clone()),
            count(self.lost),
            count(self.doubled),
            or_none(recovery),
        )
    }
}
