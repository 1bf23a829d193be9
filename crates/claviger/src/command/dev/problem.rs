//! Why the control API did not do what it was asked, and what to do instead.

use claviger_engine::error::{Error, Kind};

/// A status and a sentence.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) because: String,
}

impl Problem {
    /// The request makes no sense.
    pub(super) fn bad(because: impl Into<String>) -> Self {
        Self {
            status: 400,
            because: because.into(),
        }
    }

    /// What the request names is not there.
    pub(super) fn missing(because: impl Into<String>) -> Self {
        Self {
            status: 404,
            because: because.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self {
                status: match refusal.kind {
                    Kind::NotFound => 404,
                    Kind::TooManyRequests => 429,
                    Kind::Unavailable => 503,
                    _ => 400,
                },
                because: refusal.because.to_owned(),
            },
            Error::Failed(failure) => Self {
                status: 500,
                because: format!("{}: {}", failure.doing, failure.source),
            },
        }
    }
}
