//! What an error of PostgreSQL means for whoever asked.

use tokio_postgres::error::{Error as PostgresError, Severity, SqlState};

use crate::error::Error;

/// What became of an attempt, and what to do about it.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing was written, and another attempt may go better: a deadlock, a connection that is lost.
    Again(String),
    /// Nothing was written, and it is no use to try again at once.
    Final(Error),
}

impl Trouble {
    /// In words.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Again(why) | Self::Final(Error::Unavailable(why)) => why,
            Self::Final(error) => error.to_string(),
        }
    }

    /// What the last attempt is answered with.
    pub(super) fn give_up(self) -> Error {
        match self {
            Self::Again(why) => Error::Unavailable(why),
            Self::Final(error) => error,
        }
    }
}

/// Whether the server itself said no: it lives, and this statement has changed nothing. What it says as it
/// breaks down, or of its disk, leaves open whether a commit was kept.
pub(super) fn is_answer(error: &PostgresError) -> bool {
    let Some(answer) = error.as_db_error() else {
        return false;
    };
    let is_last_word = matches!(
        answer.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    );
    let code = answer.code().code();
    // Class 53: no room; 58 and XX: its own trouble; 40003: it does not know itself.
    let is_open = ["53", "58", "XX"]
        .iter()
        .any(|class| code.starts_with(class))
        || code == "40003";
    !is_last_word && !is_open
}

/// Whether a server is unfit for the connection that it speaks on: stopping, or no longer the primary.
pub(super) fn is_leaving(error: &PostgresError) -> bool {
    let code = error.code().map_or("", SqlState::code);
    // Class 08 and 57P: the connection goes; 25006: it has become a standby.
    code.starts_with("08") || code.starts_with("57P") || code == "25006"
}

/// Whether the server does not know the words: class 42, or 0A where it knows them and cannot do it.
pub(super) fn is_misunderstood(error: &PostgresError) -> bool {
    let code = error.code().map_or("", SqlState::code);
    code.starts_with("42") || code.starts_with("0A")
}

/// An error of a statement that has changed nothing.
pub(super) fn judge(error: &PostgresError) -> Trouble {
    let Some(answer) = error.as_db_error() else {
        return if error.is_closed() || has_io_cause(error) {
            Trouble::Again(text(error))
        } else {
            // The driver refused to send it.
            Trouble::Final(Error::Statement(text(error)))
        };
    };
    let code = answer.code().code();
    let why = format!("{} ({code})", answer.message());
    let again = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    if again.contains(answer.code()) || is_leaving(error) {
        return Trouble::Again(why);
    }
    // Class 53: no room, no memory, no connection left; 57: stopped by an operator or a deadline; 58
    // and XX: the server's own trouble.
    let mut unavailable = ["53", "57", "58", "XX"].iter();
    // 42P01, 42501: a table that is gone or not ours any more is being restored.
    let is_restored = ["42P01", "42501"].contains(&code);
    Trouble::Final(
        if is_restored || unavailable.any(|class| code.starts_with(class)) {
            Error::Unavailable(why)
        } else {
            Error::Statement(why)
        },
    )
}

/// The error with its cause: the crate's own text leaves that out.
pub(super) fn text(error: &PostgresError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn has_io_cause(error: &PostgresError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}
