//! CreateTokenWithIAM: what machines sign, what their applications may do with it.

mod machine;
mod sig;
mod grants;
mod exchange;
mod issuer;
mod fed;
mod workload;
mod form;
