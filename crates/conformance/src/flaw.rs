//! Why a check did not pass.

/// What a check ends with.
pub(crate) type Checked<T = ()> = Result<T, Flaw>;

/// Why a check did not pass.
#[derive(Clone, Debug)]
pub(crate) enum Flaw {
    /// The server did something else than it should.
    Wrong(String),
    /// The check cannot be made here.
    Skipped(String),
}

/// Ends the check as failed unless the condition holds.
macro_rules! demand {
    ($condition:expr, $($words:tt)*) => {
        if !$condition {
            return Err($crate::flaw::Flaw::Wrong(format!($($words)*)));
        }
    };
}
pub(crate) use demand;
