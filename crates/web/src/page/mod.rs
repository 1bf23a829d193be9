//! Pages: what people see. They ask the engine and render; they never decide.

pub(crate) mod error;
pub(crate) mod routes;
