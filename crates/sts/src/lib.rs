//! Where role credentials come from: AssumeRole at a real STS, or the toy STS of `dev`.
//!
//! The only outbound call of Claviger is made here. [`targets::Targets`] implements the engine's
//! port and holds all protection (bulkhead, single flight, cache, deadline, circuit); a
//! [`target::Target`] only knows how to ask one STS. Modules are declared ground floor first.

pub mod target;
pub mod session_name;
pub mod targets;
pub mod assume_role;
pub mod toy;
