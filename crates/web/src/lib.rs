//! Routes, cookies and pages: the only room that knows axum and HTML.
//!
//! API handlers decode, call the engine, encode. Pages ask the engine and render; they never
//! decide.

pub mod app;
pub mod activity;
mod cookie;
mod layer;
mod api;
mod page;
pub mod router;
pub mod operator;
pub mod server;
