//! Routes, cookies and pages: the only room that knows axum and HTML.
//!
//! API handlers decode, call the engine, encode. Pages ask the engine and render; they never
//! decide.

pub mod activity;
pub mod fault;
mod share;
mod turn;
pub mod admission;
pub mod app;
pub mod aws_config;
mod cookie;
mod api;
mod page;
mod layer;
pub mod router;
pub mod operator;
pub mod server;
