//! `claviger dev` as a test double: the child and what it finds, the control API, the fault script,
//! estates and seeds, what others reach; and that `serve` has none of it.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on fails by panicking"
)]

mod child;
mod control;
mod faults;
mod fixtures;
mod exposed;
mod absent;
