//! The kit watches itself: its server answers, and its scanner finds what was planted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use claviger_model::{
    audit::{Action, Record},
    time::Timestamp,
};
use claviger_store::{repository::audit, statement::Plan};
use claviger_tests::{
    TestServer,
    aws::Tokens,
    scan,
    seed::{PRODUCTION, SANDBOX},
};

#[tokio::test]
async fn a_server_answers_in_the_aws_dialect() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    aws.poll(&client, &device)
        .await
        .assert_error(400, "AuthorizationPendingException");
    assert_eq!((server.rows().devices(), server.rows().sessions()), (1, 0));
    server.finish().await;
}

#[tokio::test]
async fn lea_01_the_scanner_finds_what_is_planted_in_the_log() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    assert_eq!(server.leaks(), []);
    tracing::trace!(target: "planted", "a careless line: {:?}", client.secret);
    let found = server.leaks();
    assert!(
        found.iter().any(|find| find.secret == client.secret),
        "{found:?}"
    );
    assert!(
        catch_unwind(AssertUnwindSafe(|| drop(server))).is_err(),
        "the server goes silently"
    );
}

#[tokio::test]
async fn lea_01_the_scanner_finds_what_is_planted_in_the_audit_log() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    assert_eq!(server.leaks(), []);
    let careless = Record {
        at: Timestamp::from_epoch_seconds(0),
        action: Action::SessionStart,
        actor: "alice".to_owned(),
        subject: "alice".to_owned(),
        session_id: None,
        client: None,
        address: None,
        detail: format!("with {}", signed_in.tokens.access),
    };
    let planting = Plan::of(audit::appending("planted", 1, &careless));
    server.store.apply(planting).await.expect("a record");
    let found = server.leaks();
    assert!(
        found
            .iter()
            .any(|find| find.secret == signed_in.tokens.access),
        "{found:?}"
    );
    assert!(
        catch_unwind(AssertUnwindSafe(|| drop(server))).is_err(),
        "the server goes silently"
    );
}

#[tokio::test]
async fn lea_01_a_whole_life_leaves_no_secret_in_log_audit_or_store() {
    let server = TestServer::start().await;
    let aws = server.aws();
    let device = server.signed_in_device().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&aws.redeem(&client, &code).await);
    let next = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&next.access).await.assert_status(200);
    aws.role_credentials(&next.access, SANDBOX, "Developer")
        .await
        .assert_status(200);
    aws.role_credentials(&next.access, PRODUCTION, "Admin")
        .await
        .assert_status(403);
    let mut browser = server.browser();
    browser
        .sign_in("alice", "a wrong password that nobody has")
        .await
        .assert_status(403);
    browser
        .sign_in("alice", "correct horse")
        .await
        .assert_status(303);
    browser.look_up("BCDF-GHJK").await.assert_status(404);
    // Trouble, which is where logs grow careless: a replay, a theft, a store that breaks.
    aws.redeem(&client, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    server.clock.advance(7200);
    let later = Tokens::of(
        &aws.refresh(&device.client, device.tokens.refresh_token())
            .await,
    );
    let last = Tokens::of(&aws.refresh(&device.client, later.refresh_token()).await);
    server.clock.advance(7200);
    aws.refresh(&device.client, device.tokens.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    server.switch.set(claviger_tests::driver::Mode::Broken);
    aws.refresh(&device.client, last.refresh_token())
        .await
        .assert_error(500, "InternalServerException");
    server.switch.set(claviger_tests::driver::Mode::Away);
    aws.refresh(&device.client, last.refresh_token())
        .await
        .assert_error(503, "InternalServerException");
    server.switch.set(claviger_tests::driver::Mode::Working);

    let secrets = server.secrets().all();
    for kind in [
        "cvs1.", "cvd1.", "cva1.", "cvr1.", "cvz1-", "cvw1.", "cvt1.",
    ] {
        let known = secrets.iter().any(|secret| secret.starts_with(kind));
        assert!(known, "no {kind} is among what is looked for");
    }
    for kind in ["a wrong password", "fake-signing-key", "fake-session-token"] {
        let known = secrets.iter().any(|secret| secret.starts_with(kind));
        assert!(known, "no {kind} is among what is looked for");
    }
    assert_eq!(server.leaks(), []);
    for (name, bytes) in server.at_rest() {
        let found = scan::find(&secrets, &String::from_utf8_lossy(&bytes));
        assert_eq!(found, [], "{name}");
    }
}
