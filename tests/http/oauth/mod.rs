//! The standard dialect: the same grants in other words.

use claviger_tests::{
    TestServer,
    aws::{Client, Tokens},
    oauth::tokens,
    server::REDIRECT_URI,
};

mod metadata;
mod register;
mod client;
mod grants;
mod both;
mod end;
mod openid;
mod prompt;
mod application;
mod rs256;
mod transaction;
mod authentication;
mod redemption;
mod claims;
mod discovery;
mod code;
mod trouble;
mod headers;

/// A client that keeps a secret, with live tokens.
async fn signed_in() -> (TestServer, Client, Tokens) {
    let server = TestServer::start().await;
    let client = server.oauth().register(REDIRECT_URI).await;
    let code = server.code_for(&client).await;
    let tokens = tokens(&server.oauth().redeem(&client, &code).await);
    (server, client, tokens)
}
