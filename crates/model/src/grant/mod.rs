//! Grants that wait for a redemption, as state machines.

pub mod device;
pub mod authorization_code;
