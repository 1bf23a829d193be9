//! The kit watches itself: its server answers, and its scanner finds what was planted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use claviger_tests::TestServer;

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
