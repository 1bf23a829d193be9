//! Polling: what a device is told while it waits, and what its code is worth afterwards.

use std::sync::Arc;

use claviger_engine::admin;
use claviger_model::secret::Secret;
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Client, DEVICE_CODE, Device, Tokens, client},
    clock::ManualClock,
    evidence::Evidence,
    http::Response,
};
use serde_json::json;

const PENDING: (u16, &str) = (400, "AuthorizationPendingException");
const SLOW_DOWN: (u16, &str) = (400, "SlowDownException");
const INVALID: (u16, &str) = (400, "InvalidGrantException");
const EXPIRED: (u16, &str) = (400, "ExpiredTokenException");
const DENIED: (u16, &str) = (400, "AccessDeniedException");

/// A server with a device that waits.
async fn waiting() -> (TestServer, Client, Device) {
    waiting_at(TestServer::start().await).await
}

async fn waiting_at(server: TestServer) -> (TestServer, Client, Device) {
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    (server, client, device)
}

/// A server with a device that alice approved and that has not polled since.
async fn approved() -> (TestServer, Client, Device) {
    let (server, client, device) = waiting().await;
    approve(&server, &device).await;
    (server, client, device)
}

async fn approve(server: &TestServer, device: &Device) {
    let mut browser = server.browser_of("alice").await;
    browser.approve(&device.user_code).await.assert_status(303);
}

async fn poll_code(server: &TestServer, client: &Client, device_code: &str) -> Response {
    let body = json!({ "grantType": DEVICE_CODE, "deviceCode": device_code });
    server.aws().create_token(client.with(body)).await
}

#[track_caller]
fn assert_error(response: &Response, (status, exception): (u16, &str)) {
    response.assert_error(status, exception);
}

#[tokio::test]
async fn dev_05_a_device_code_is_nothing_to_another_client() {
    let (server, client, device) = waiting().await;
    let other = server.aws().register().await;
    let before = server.rows().everything();
    assert_error(&server.aws().poll(&other, &device).await, INVALID);
    approve(&server, &device).await;
    assert_error(&server.aws().poll(&other, &device).await, INVALID);
    assert_eq!(
        (
            server.rows().device_state().as_str(),
            server.rows().sessions()
        ),
        ("approved", 0)
    );
    assert_eq!(
        before
            .iter()
            .filter(|row| row.starts_with("devices"))
            .count(),
        1
    );
    Tokens::of(&server.aws().poll(&client, &device).await);
    // Nor is the redelivery anybody else's.
    let before = server.rows().everything();
    assert_error(&server.aws().poll(&other, &device).await, INVALID);
    assert_eq!(server.rows().everything(), before);
    Tokens::of(&server.aws().poll(&client, &device).await);
}

#[tokio::test]
async fn dev_06_the_start_up_burst_of_the_cli_is_only_pending() {
    let (server, client, device) = waiting().await;
    assert_error(&server.aws().poll(&client, &device).await, PENDING);
    assert_error(&server.aws().poll(&client, &device).await, PENDING);
    // Then at every interval until the code ends.
    for _ in 1..600 {
        server.clock.advance(1);
        assert_error(&server.aws().poll(&client, &device).await, PENDING);
    }
    server.clock.advance(1);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
}

#[tokio::test]
async fn dev_07_polling_too_fast_slows_down_and_writes_nothing() {
    let (server, client, device) = waiting_at(TestServer::start_alone().await).await;
    let (rows, writes) = (server.rows().everything(), server.switch.writes());
    for number in 0..10 {
        let told = server.aws().poll(&client, &device).await;
        assert_error(&told, if number < 5 { PENDING } else { SLOW_DOWN });
    }
    server.clock.advance(1);
    assert_error(&server.aws().poll(&client, &device).await, PENDING);
    assert_error(&server.aws().poll(&client, &device).await, SLOW_DOWN);
    // Another device of the same client has a bucket of its own.
    let other = server.aws().start_device(&client).await;
    assert_error(&server.aws().poll(&client, &other).await, PENDING);
    let of_first: Vec<String> = server.rows().everything();
    assert!(
        rows.iter().all(|row| of_first.contains(row)),
        "the row is as it was"
    );
    assert_eq!(
        server.switch.writes(),
        writes + 1,
        "only the second start wrote"
    );
    // What was decided is told at once, however fast the polls were.
    approve(&server, &device).await;
    Tokens::of(&server.aws().poll(&client, &device).await);
}

#[tokio::test]
async fn dev_08_an_expired_code_says_so_with_and_without_its_row() {
    let (server, client, device) = waiting().await;
    server.clock.set(599);
    assert_error(&server.aws().poll(&client, &device).await, PENDING);
    server.clock.set(600);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
    claviger_engine::sweep::sweep(&server.context)
        .await
        .expect("a sweep");
    assert_eq!(server.rows().devices(), 0);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
    server.clock.advance(90 * 24 * 3600 - 1000);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
}

#[tokio::test]
async fn dev_08_an_approval_that_nobody_fetched_expires_too() {
    let (server, client, device) = approved().await;
    server.clock.set(600);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
    assert_eq!(
        (
            server.rows().device_state().as_str(),
            server.rows().sessions()
        ),
        ("approved", 0)
    );
}

#[tokio::test]
async fn dev_09_an_alien_device_code_costs_no_store_access() {
    let (server, client, device) = approved().await;
    let elsewhere = TestServer::builder()
        .world(|world| world.instance(9))
        .start()
        .await;
    let their_client = elsewhere.aws().register().await;
    let theirs = elsewhere
        .aws()
        .start_device(&their_client)
        .await
        .device_code;
    let (body, last) = device.device_code.split_at(device.device_code.len() - 2);
    let forged = format!("{body}{}", if last == "AA" { "BA" } else { "AA" });
    let (reads, writes) = (server.switch.reads(), server.switch.writes());
    for alien in [
        theirs,
        forged,
        format!("cvd1.{}", "A".repeat(51)),
        format!("cvd1.{}", "_".repeat(51)),
        "cvd1.".to_owned(),
        "x".to_owned(),
        device.device_code.to_uppercase(),
        format!("{}=", device.device_code),
        format!(" {}", device.device_code),
        device.device_code.replace("cvd1", "cvr1"),
        "a".repeat(4096),
    ] {
        assert_error(&poll_code(&server, &client, &alien).await, INVALID);
    }
    assert_eq!(
        (server.switch.reads(), server.switch.writes()),
        (reads, writes)
    );
    Tokens::of(&server.aws().poll(&client, &device).await);
}

#[tokio::test]
async fn dev_10_a_denied_code_stays_denied_until_it_ends() {
    let (server, client, device) = waiting().await;
    let mut browser = server.browser_of("alice").await;
    browser.deny(&device.user_code).await.assert_status(303);
    for second in [0, 1, 300, 599] {
        server.clock.set(second);
        assert_error(&server.aws().poll(&client, &device).await, DENIED);
    }
    server.clock.set(1);
    for name in ["alice", "bob"] {
        let mut browser = server.browser_of(name).await;
        browser.look_up(&device.user_code).await.assert_status(404);
    }
    assert_eq!(server.rows().device_state(), "denied");
    server.clock.set(600);
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
    assert_eq!(server.rows().sessions(), 0);
    assert_eq!(server.rows().recorded("device.deny"), 1);
}

#[tokio::test]
async fn dev_15_a_lost_answer_is_given_again() {
    let (server, client, device) = approved().await;
    let first = Tokens::of(&server.aws().poll(&client, &device).await);
    let before = server.rows().everything();
    for second in [0, 1, 20, 59] {
        server.clock.set(second);
        let again = Tokens::of(&server.aws().poll(&client, &device).await);
        assert_eq!(again.refresh, first.refresh);
        server
            .aws()
            .list_accounts(&again.access)
            .await
            .assert_status(200);
    }
    assert_eq!(server.rows().sessions(), 1);
    assert_eq!(server.rows().generation(), 1);
    let used = |rows: Vec<String>| {
        rows.into_iter()
            .filter(|row| !row.starts_with("sessions "))
            .collect::<Vec<_>>()
    };
    assert_eq!(used(server.rows().everything()), used(before));
    server.clock.set(60);
    assert_error(&server.aws().poll(&client, &device).await, INVALID);
    // The session does not suffer.
    Tokens::of(&server.aws().refresh(&client, first.refresh_token()).await);
    Evidence::that("an answer that nobody received, asked for four times")
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn dev_15_once_refreshed_or_ended_nothing_is_given_again() {
    let (server, client, device) = approved().await;
    let first = Tokens::of(&server.aws().poll(&client, &device).await);
    let second = Tokens::of(&server.aws().refresh(&client, first.refresh_token()).await);
    assert_error(&server.aws().poll(&client, &device).await, INVALID);
    assert_eq!(server.rows().live_sessions(), 1);
    Tokens::of(&server.aws().refresh(&client, second.refresh_token()).await);

    let (server, client, device) = approved().await;
    let first = Tokens::of(&server.aws().poll(&client, &device).await);
    server.aws().logout(&first.access).await.assert_status(200);
    assert_error(&server.aws().poll(&client, &device).await, INVALID);
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (1, 0)
    );
}

#[tokio::test]
async fn dev_16_who_was_disabled_after_approving_gives_nothing() {
    let (server, client, device) = approved().await;
    admin::user::disable(&server.context, "alice")
        .await
        .expect("disabled");
    assert_error(&server.aws().poll(&client, &device).await, DENIED);
    // Nor does being let in again revive the old approval.
    admin::user::enable(&server.context, "alice")
        .await
        .expect("enabled");
    let told = server.aws().poll(&client, &device).await;
    assert_eq!(
        server.rows().sessions(),
        i64::from(told.status.is_success())
    );
    assert_error(&told, DENIED);
    assert_eq!(server.rows().sessions(), 0);
}

#[tokio::test]
async fn dev_16_a_password_reset_that_signs_out_voids_the_approval() {
    let (server, client, device) = approved().await;
    let password = Secret::from("another good one");
    server.secrets().add("another good one");
    let set = admin::user::set_password(&server.context, "alice", &password, true).await;
    set.expect("a password");
    assert_error(&server.aws().poll(&client, &device).await, DENIED);
    assert_eq!(server.rows().sessions(), 0);
}

#[tokio::test]
async fn dev_16_who_was_removed_after_approving_gives_nothing() {
    let (server, client, device) = approved().await;
    let mut directory = claviger_tests::seed::directory();
    directory.users.retain(|user| user.name.as_str() != "alice");
    let alice = |name: &claviger_model::directory::UserName| name.as_str() != "alice";
    directory
        .groups
        .iter_mut()
        .for_each(|group| group.members.retain(alice));
    directory
        .roles
        .iter_mut()
        .for_each(|role| role.users.retain(alice));
    admin::directory::apply(&server.context, &directory)
        .await
        .expect("applied");
    assert_error(&server.aws().poll(&client, &device).await, DENIED);
    assert_eq!(server.rows().sessions(), 0);
}

#[tokio::test]
async fn dev_16_a_client_denied_after_the_approval_is_none() {
    let (server, client, device) = approved().await;
    admin::client::deny(&server.context, &client.id, "test")
        .await
        .expect("denied");
    assert_error(
        &server.aws().poll(&client, &device).await,
        (401, "InvalidClientException"),
    );
    assert_eq!(
        (
            server.rows().device_state().as_str(),
            server.rows().sessions()
        ),
        ("approved", 0)
    );
}

#[tokio::test]
async fn dev_17_a_redemption_for_more_than_was_approved_is_refused_and_spends_nothing() {
    let (server, client, device) = approved().await;
    let aws = server.aws();
    let redeem = async |scope: serde_json::Value| {
        let body =
            json!({ "grantType": DEVICE_CODE, "deviceCode": device.device_code, "scope": scope });
        aws.create_token(client.with(body)).await
    };
    let before = server.rows().everything();
    for wider in [
        json!([ACCOUNT_ACCESS, "codewhisperer:completions"]),
        json!(["sso-portal:*"]),
        json!(["sso:account"]),
        json!(["SSO:account:access"]),
        json!(["admin"]),
    ] {
        redeem(wider)
            .await
            .assert_error(400, "InvalidScopeException");
    }
    assert_eq!(server.rows().everything(), before);
    Tokens::of(&redeem(json!([ACCOUNT_ACCESS])).await);
    assert_eq!(server.rows().sessions(), 1);
}

#[tokio::test]
async fn dev_17_a_narrower_redemption_narrows_the_access_token_alone() {
    let server = TestServer::start().await;
    let scopes = json!([ACCOUNT_ACCESS, "codewhisperer:completions"]);
    let body = json!({ "clientName": "aws-cli", "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    approve(&server, &device).await;
    let body = json!({
        "grantType": DEVICE_CODE,
        "deviceCode": device.device_code,
        "scope": ["codewhisperer:completions"],
    });
    let narrow = Tokens::of(&server.aws().create_token(client.with(body)).await);
    server
        .aws()
        .list_accounts(&narrow.access)
        .await
        .assert_error(403, "ForbiddenException");
    let wide = Tokens::of(&server.aws().refresh(&client, narrow.refresh_token()).await);
    server
        .aws()
        .list_accounts(&wide.access)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn dev_12_a_code_is_decided_up_to_its_last_second_and_not_after() {
    let (server, client, device) = waiting().await;
    let mut browser = server.browser_of("alice").await;
    server.clock.set(599);
    let page = browser.look_up(&device.user_code).await;
    let approve = claviger_tests::browser::form(&page, "/device/approve");
    // The page was in time, the press of the button is not.
    server.clock.set(600);
    browser.submit(&approve).await.assert_status(404);
    assert_eq!(server.rows().device_state(), "pending");
    assert_error(&server.aws().poll(&client, &device).await, EXPIRED);
    browser.look_up(&device.user_code).await.assert_status(404);
    server.clock.set(599);
    browser.submit(&approve).await.assert_status(303);
    Tokens::of(&server.aws().poll(&client, &device).await);
}

/// Nodes whose clocks differ: what one refused is not given by its answer alone.
#[tokio::test]
async fn dev_12_a_node_ahead_of_time_refuses_and_changes_nothing() {
    let (server, client, device) = waiting().await;
    let ahead = Arc::new(ManualClock::default());
    ahead.set(610);
    server.clock.set(580);
    let node = server.node("ahead").clock(ahead).start().await;
    let mut here = server.browser_of("alice").await;
    let mut there = node.browser_like(&here);
    there.look_up(&device.user_code).await.assert_status(404);
    assert_error(&node.aws().poll(&client, &device).await, EXPIRED);
    assert_eq!(server.rows().device_state(), "pending");
    here.approve(&device.user_code).await.assert_status(303);
    assert_error(&node.aws().poll(&client, &device).await, EXPIRED);
    Tokens::of(&server.aws().poll(&client, &device).await);
    assert_eq!(server.rows().sessions(), 1);
}
