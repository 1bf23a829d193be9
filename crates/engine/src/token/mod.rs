//! Tokens, codes and cookies: `prefix.` and base64url of a body under one or two locks
//! (SECURITY-CASES A3).

pub mod encoding;
pub mod client_id;
pub mod access;
pub mod refresh;
pub mod device_code;
pub mod authorization_code;
pub mod web_cookie;
pub mod known_browser;
pub mod form;
pub mod transaction;
pub mod page;

#[cfg(test)]
mod tests;
