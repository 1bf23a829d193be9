//! The built binary at a shell: what each command prints, where, and how it ends. Every command
//! runs in a room of its own; what differs from run to run is filtered in one place.
#![expect(
    clippy::expect_used,
    reason = "a story that cannot go on fails by panicking"
)]

mod transcript;
mod help;
mod init;
mod serve;
mod postgres;
mod names;
mod moving;
mod admin;
mod strange;
mod backup;
mod config;
mod oidc;
mod dev;
