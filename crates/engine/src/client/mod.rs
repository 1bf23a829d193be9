//! Clients: registering them and telling whether a caller is one.

pub mod register;
pub mod authenticate;
