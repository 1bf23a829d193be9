//! POR: who may draw which credentials, and what the STS is told.

mod reach;

mod access;
mod confined;
mod credentials;
mod given;
mod lists;
mod page;
mod sts;
