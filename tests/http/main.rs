//! In-process HTTP: the real router behind the real accept loop, one file a flow.

mod kit;
