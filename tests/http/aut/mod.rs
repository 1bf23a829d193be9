//! Authorize, PKCE and authorization codes (AUT).

use claviger_tests::{
    TestServer,
    aws::{Client, Code, authorize_query, redemption},
    browser::Browser,
    server::REDIRECT_URI,
};
use serde_json::Value;

mod request;
mod code;
mod browser;

/// A server, a client for codes, and a browser at which alice is signed in.
async fn signed_in() -> (TestServer, Client, Browser) {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let browser = server.browser_of("alice").await;
    (server, client, browser)
}

/// A sound query with one parameter set anew, or left out.
fn query(client: &Client, name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let mut query = authorize_query(client, REDIRECT_URI);
    query.retain(|(own, _)| own != name);
    query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    query
}

/// The redemption of a code with one member set anew.
fn altered(code: &Code, name: &str, value: Value) -> Value {
    let mut body = redemption(code);
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    body
}
