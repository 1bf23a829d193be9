//! In-process HTTP: the real router behind the real accept loop, one file a flow. Tests of the
//! case catalogue bear the case's id.

mod kit;
mod reg;
mod uri;
mod aut;
mod create_token;
mod paws;
