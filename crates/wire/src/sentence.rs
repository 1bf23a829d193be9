//! What every face says in the same words: of ourselves, and of requests that no operation has seen.

/// A bug of ours.
pub(crate) const BROKEN: &str = "Something went wrong on the server. Try again; if it stays, tell the operator \
                                 the x-amzn-RequestId of this answer.";

/// No answer within the deadline.
pub(crate) const OVERLOADED: &str = "The server is overloaded. Try again in a moment.";

/// A fault that was asked for.
pub(crate) const SCRIPTED: &str = "This fault was scripted; `/_dev/faults` says which are left.";

/// Nothing is at the path, or not with that method.
pub(crate) const UNKNOWN_OPERATION: &str =
    "There is no such operation. Check the path and the method.";
