//! What every request passes: who sent it, how large it may be, what it is called, how it went.

pub(crate) mod requester;
pub(crate) mod rank;
pub(crate) mod gate;
