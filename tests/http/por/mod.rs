//! POR: who may draw which credentials, and what the STS is told.

mod access;
mod confined;
mod credentials;
mod lists;
mod page;
mod sts;
