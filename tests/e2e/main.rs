//! End to end: the built binary, and unmodified clients of AWS and of OpenID Connect against it. Each
//! test is a user's story. A part that is missing fails its tests with a hint; nothing is skipped.
#![expect(
    clippy::expect_used,
    reason = "a story that cannot go on fails by panicking"
)]

mod parts;
mod browser;
mod aws_cli;
mod boto3;
mod rust_sdk;
mod javascript;
mod relying_parties;
mod conformance;
mod web_identity;
mod with_iam;
mod web_application;
mod nodes;
mod frozen;
mod limited;
mod dev;
mod pages;
mod log;
mod crash;
