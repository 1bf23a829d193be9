//! What the `userinfo` endpoint tells of a person, and to whom, by OpenID Connect Core §5.3.

use claviger_engine::admin;
use claviger_tests::{
    TestServer,
    aws::Client,
    http::{Request, Response},
    oauth::tokens,
    seed,
};
use serde_json::json;

use super::openid::{
    EVERYTHING, asking, assert_unasked, claims, code, code_in, registered, userinfo,
};

/// A server, a client that may ask for all claims, and the answer that gave it tokens of alice with these scopes.
async fn granted(scope: &str) -> (TestServer, Client, Response) {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let code = code(&server, &client, scope, &[]).await;
    let answer = server.oauth().redeem(&client, &code).await;
    (server, client, answer)
}

#[tokio::test]
async fn core_5_3_1_the_token_is_a_bearers_in_the_header() {
    let (server, _, answer) = granted("openid").await;
    let access = tokens(&answer).access;
    for method in ["GET", "POST"] {
        let request = Request::new(method, "/userinfo");
        let own = request
            .clone()
            .header("Authorization", format!("Bearer {access}"));
        let told = server.send(own).await;
        told.assert_status(200);
        let bare = request.clone().header("Authorization", access.clone());
        let told = server.send(bare).await;
        assert_unasked(&told);
        // The portal's own header is of the other dialect.
        let other = request.header("x-amz-sso_bearer_token", access.clone());
        let told = server.send(other).await;
        assert_unasked(&told);
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        let request = Request::new(method, "/userinfo");
        let request = request.header("Authorization", format!("Bearer {access}"));
        let told = server.send(request).await;
        told.assert_status(405);
    }
}

#[tokio::test]
async fn core_5_3_2_what_is_not_known_is_left_out() {
    let server = TestServer::start().await;
    let mut directory = seed::directory();
    directory.users.push(seed::person("carol"));
    if let Some(carol) = directory.users.last_mut() {
        carol.email = None;
    }
    server.apply(&directory).await;
    let client = registered(&server).await;
    let mut browser = server.browser_of_new("carol").await;
    let page = browser.authorize(&asking(&client, EVERYTHING, &[])).await;
    let code = code_in(&browser.consent(&page, "Allow").await);
    let answer = server.oauth().redeem(&client, &code).await;
    let told = userinfo(&server, &tokens(&answer).access).await;
    assert_eq!(told.header("content-type"), Some("application/json"));
    let token = claims(&server, &client, &answer).await;
    for told in [told.json(), token] {
        assert_eq!(told["preferred_username"], json!("carol"));
        for name in ["email", "email_verified"] {
            assert_eq!(told.get(name), None, "{told}");
        }
        let mut values = told.as_object().expect("an object").values();
        assert!(values.all(|value| !value.is_null() && value != ""));
    }
}

/// And whose session has ended is nobody (§5.3.3).
#[tokio::test]
async fn core_5_3_2_core_5_3_3_the_subject_is_always_there_and_the_rest_is_of_now() {
    let (server, client, answer) = granted(EVERYTHING).await;
    let before = claims(&server, &client, &answer).await;
    let mut directory = seed::directory();
    for person in &mut directory.users {
        "Somebody Else".clone_into(&mut person.display_name);
    }
    directory.groups.push(seed::group("newcomers", &["alice"]));
    server.apply(&directory).await;
    let held = tokens(&answer);
    let told = userinfo(&server, &held.access).await.json();
    assert_eq!(told["sub"], before["sub"]);
    assert_eq!(told["name"], json!("Somebody Else"));
    assert_eq!(told["groups"], json!(["newcomers", "readers"]));
    let narrow = [
        ("grant_type", "refresh_token"),
        ("refresh_token", held.refresh_token()),
        ("scope", "openid"),
    ];
    let answer = server.oauth().ask("/token", &client, &narrow).await;
    let told = userinfo(&server, &tokens(&answer).access).await.json();
    assert_eq!(told, json!({ "sub": before["sub"] }));
    let held = tokens(&answer);
    server
        .oauth()
        .revoke(&client, held.refresh_token())
        .await
        .assert_status(200);
    let told = userinfo(&server, &held.access).await;
    told.assert_oauth_challenge(401, "invalid_token");
    let code = code(&server, &client, "openid", &[]).await;
    let held = tokens(&server.oauth().redeem(&client, &code).await);
    userinfo(&server, &held.access).await.assert_status(200);
    let disabled = admin::user::disable(&server.context, "alice").await;
    disabled.expect("disabled");
    let told = userinfo(&server, &held.access).await;
    told.assert_oauth_challenge(401, "invalid_token");
}
