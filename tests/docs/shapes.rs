//! The answer and the error that the page shows, member by member what the server sends.

use claviger_tests::{
    TestServer,
    aws::client,
    http::{Request, Response},
};
use serde_json::{Value, json};

use crate::page::block;

/// Where a token is cut off on the page.
const CUT: char = '…';

#[tokio::test]
async fn the_answer_is_the_one_shown() {
    let server = TestServer::start().await;
    let own = server.aws().register().await;
    let device = server.aws().start_device(&own).await;
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
    let answer = server.aws().poll(&own, &device).await;
    answer.assert_status(200);
    assert_shown("answer.json", &answer);
    assert!(answer.header("x-amzn-requestid").is_some(), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let without_scopes = json!({ "clientName": "old", "clientType": "public" });
    let legacy = client(&server.aws().register_with(without_scopes).await);
    let signed_in = server.sign_in_device("alice", legacy).await;
    assert_eq!(
        (signed_in.tokens.refresh, signed_in.tokens.expires_in),
        (None, 8 * 3600)
    );
}

#[tokio::test]
async fn the_error_is_the_one_shown() {
    let server = TestServer::start().await;
    let own = server.aws().register().await;
    let device = server.aws().start_device(&own).await;
    let pending = server.aws().poll(&own, &device).await;
    pending.assert_error(400, "AuthorizationPendingException");
    assert_shown("error.json", &pending);
    let get = server.send(Request::get("/token")).await;
    assert_eq!(get.header("allow"), Some("POST"), "{get}");
}

/// Member by member; what is cut off on the page need only begin so.
#[track_caller]
fn assert_shown(name: &str, answer: &Response) {
    let shown: Value = serde_json::from_str(block(name).text).expect("JSON");
    let sent = answer.json();
    let (shown, sent) = (
        shown.as_object().expect("members"),
        sent.as_object().expect("members"),
    );
    assert!(shown.keys().eq(sent.keys()), "{name} and\n{answer}");
    for (member, value) in shown {
        let sent = sent.get(member);
        match value.as_str().and_then(|text| text.strip_suffix(CUT)) {
            Some(beginning) => {
                let sent = sent.and_then(Value::as_str).unwrap_or_default();
                assert!(sent.starts_with(beginning), "{member} in\n{answer}");
            }
            None => assert_eq!(sent, Some(value), "{member}"),
        }
    }
}
