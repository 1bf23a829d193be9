//! Faults that `claviger dev` lets callers be tested against: what can happen to a request on its
//! way to the API or back. Nothing here decides when; `serve` never asks.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
pub use claviger_wire::aws::error::Exception;

/// Decides which requests suffer what.
pub trait FaultScript: Send + Sync {
    /// The fault of this one request to the API, named by its operation.
    fn next(&self, operation: &'static str) -> Option<Fault>;
}

/// Makes another body of a good answer's.
pub type Rewrite = Arc<dyn Fn(&Bytes) -> Bytes + Send + Sync>;

/// What befalls one request.
#[derive(Clone)]
pub enum Fault {
    /// It is answered so, and not handled; with the name of that.
    Refuse(&'static str, Exception),
    /// It is handled, and answered after a while.
    Delay(Duration),
    /// Its connection is cut before it is handled.
    CutConnection,
    /// It is handled, and its connection cut in place of the answer.
    LostAnswer,
    /// It is handled, and the body of a good answer rewritten; with the name of that.
    Rewrite(&'static str, Rewrite),
}

impl Fault {
    /// The name that scripts call it by.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refuse(name, _) | Self::Rewrite(name, _) => name,
            Self::Delay(_) => "delay",
            Self::CutConnection => "cut_connection",
            Self::LostAnswer => "lost_answer",
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Ends a connection without an answer: hyper does so for a service that fails.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub struct Cut;
