//! Repositories: plain functions in verbs of the domain, one file per subject.

pub mod keyring;
pub mod audit;
pub mod rollback;
pub mod denied_client;
pub mod machine_key;
pub mod replay;
pub mod throttle;
pub mod user;
pub mod access;
pub mod directory;
pub mod web_session;
pub mod device;
pub mod authorization_code;
pub mod session;
pub mod sweep;
pub mod reset;
