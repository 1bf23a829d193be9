//! The store suite: what every driver must do, mounted once per driver.
//!
//! `suite/` knows no driver: its modules are mounted under `sqlite::` (and under each further
//! driver's name) and reach their store through `super::open()`. What only one driver promises
//! stands beside its mount.
#![expect(
    clippy::expect_used,
    reason = "a suite that cannot set up fails its test by panicking"
)]
#![expect(clippy::duplicate_mod, reason = "one suite, mounted once per driver")]

mod fixture;
mod sqlite;
mod postgres;
