//! The dialects of Claviger: bytes to engine values and back.
//!
//! Only this crate knows field names, status codes and headers. Pure functions over `http` types;
//! no axum, no async, no decisions.

pub mod body;
pub mod query;
pub mod media_type;
pub mod answer;
mod sentence;
pub mod jose;
pub mod authorize;
pub mod aws;
pub mod oauth;
pub mod face;

#[cfg(test)]
mod property;
#[cfg(test)]
mod table;
