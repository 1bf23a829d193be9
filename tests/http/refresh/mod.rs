//! Refreshing (REF): parallel and retried refreshes converge, theft is noticed, a session that
//! ended stays ended.

mod scene;
mod rotation;
mod race;
mod theft;
mod refused;
mod keys;
