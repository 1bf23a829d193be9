//! The reference page docs/create-token.md, held to its word: its examples are run as they stand, its tables
//! and messages are compared with the server. And the example of docs/oauth.md.
#![expect(
    clippy::expect_used,
    reason = "a suite that cannot set up fails by panicking"
)]

mod page;
mod terminal;
mod examples;
mod shapes;
mod limits;
mod refusals;
mod oauth;
