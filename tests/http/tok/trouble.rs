//! A store that is away, cannot write, hangs, or a bug of ours: never a client's mistake, and
//! nobody's process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_tests::{
    TestServer,
    aws::{Client, Code, Device, Tokens},
    driver::Mode,
    evidence::Evidence,
    faulty::{Fault, FaultyStore},
    http::Response,
    server::REDIRECT_URI,
};
use serde_json::json;

/// A client with one live credential of each grant, and a device that waits.
struct Grants {
    server: TestServer,
    client: Client,
    waiting: Device,
    approved: Device,
    code: Code,
    tokens: Tokens,
}

impl Grants {
    async fn alive() -> Self {
        let server = TestServer::start().await;
        let (client, code) = server.code().await;
        let earlier = server.code_for(&client).await;
        let tokens = Tokens::of(&server.aws().redeem(&client, &earlier).await);
        let waiting = server.aws().start_device(&client).await;
        let approved = server.aws().start_device(&client).await;
        let told = server
            .browser_of("alice")
            .await
            .approve(&approved.user_code)
            .await;
        told.assert_status(303);
        Self {
            server,
            client,
            waiting,
            approved,
            code,
            tokens,
        }
    }

    async fn refresh(&self) -> Response {
        self.server
            .aws()
            .refresh(&self.client, self.tokens.refresh_token())
            .await
    }

    async fn redeem(&self) -> Response {
        self.server.aws().redeem(&self.client, &self.code).await
    }

    async fn poll(&self, device: &Device) -> Response {
        self.server.aws().poll(&self.client, device).await
    }

    /// That every grant still gives what it would have given.
    async fn assert_unspent(&self) {
        self.server.switch.set(Mode::Working);
        self.poll(&self.waiting)
            .await
            .assert_error(400, "AuthorizationPendingException");
        Tokens::of(&self.poll(&self.approved).await);
        Tokens::of(&self.redeem().await);
        Tokens::of(&self.refresh().await);
        assert_eq!(
            (
                self.server.rows().sessions(),
                self.server.rows().live_sessions()
            ),
            (3, 3)
        );
    }
}

#[track_caller]
fn assert_unavailable(response: &Response) {
    response.assert_error(503, "InternalServerException");
    assert_eq!(response.header("retry-after"), Some("1"), "{response}");
    assert_eq!(response.member("error"), "server_error");
}

#[tokio::test]
async fn tok_10_while_the_store_is_away_nothing_is_the_clients_mistake() {
    let grants = Grants::alive().await;
    let before = grants.server.rows().everything();
    grants.server.switch.set(Mode::Away);
    assert_unavailable(&grants.refresh().await);
    assert_unavailable(&grants.redeem().await);
    // Three clients give up on anything but "pending" (settled), approved or not.
    for device in [&grants.waiting, &grants.approved] {
        for _ in 0..20 {
            let told = grants.poll(device).await;
            told.assert_error(400, "AuthorizationPendingException");
        }
    }
    assert_unavailable(&grants.server.aws().start_device_with(start(&grants)).await);
    grants
        .server
        .aws()
        .list_accounts(&grants.tokens.access)
        .await
        .assert_error(503, "InternalServerException");
    let out = grants.server.aws().logout(&grants.tokens.access).await;
    out.assert_error(503, "InternalServerException");
    // Who is no client is told so without a store.
    let nobody = Client {
        id: grants.client.id.clone(),
        secret: "x".to_owned(),
    };
    let told = grants
        .server
        .aws()
        .refresh(&nobody, grants.tokens.refresh_token())
        .await;
    told.assert_error(401, "InvalidClientException");
    let told = grants.server.aws().refresh(&grants.client, "garbage").await;
    told.assert_error(400, "InvalidGrantException");
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

fn start(grants: &Grants) -> serde_json::Value {
    grants
        .client
        .with(json!({ "startUrl": grants.server.aws().start_url() }))
}

#[tokio::test]
async fn tok_10_a_device_code_past_its_end_is_expired_even_without_a_store() {
    let grants = Grants::alive().await;
    grants.server.switch.set(Mode::Away);
    grants.server.clock.advance(599);
    grants
        .poll(&grants.waiting)
        .await
        .assert_error(400, "AuthorizationPendingException");
    grants.server.clock.advance(1);
    for device in [&grants.waiting, &grants.approved] {
        grants
            .poll(device)
            .await
            .assert_error(400, "ExpiredTokenException");
    }
    // And one that is none is none.
    let forged = Device {
        device_code: format!("cvd1.{}", "A".repeat(51)),
        ..grants.waiting.clone()
    };
    grants
        .poll(&forged)
        .await
        .assert_error(400, "InvalidGrantException");
}

#[tokio::test]
async fn tok_10_a_store_that_cannot_write_spends_nothing() {
    let grants = Grants::alive().await;
    let before = grants.server.rows().everything();
    grants.server.switch.set(Mode::ReadOnly);
    assert_unavailable(&grants.refresh().await);
    assert_unavailable(&grants.redeem().await);
    for device in [&grants.waiting, &grants.approved] {
        let told = grants.poll(device).await;
        told.assert_error(400, "AuthorizationPendingException");
    }
    assert_unavailable(&grants.server.aws().start_device_with(start(&grants)).await);
    // An end that was not written is never told as one (MET-06).
    let out = grants.server.aws().logout(&grants.tokens.access).await;
    out.assert_error(503, "InternalServerException");
    // What writes nothing works.
    grants
        .server
        .aws()
        .list_accounts(&grants.tokens.access)
        .await
        .assert_status(200);
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

/// The commit went through and nobody learnt of it: the retry finds what was done.
#[tokio::test]
async fn tok_10_an_answer_lost_at_the_store_is_found_again() {
    let grants = Grants::alive().await;
    let rows = grants.server.rows();
    grants.server.switch.set(Mode::AnswerLost);
    assert_unavailable(&grants.refresh().await);
    let told = grants.poll(&grants.approved).await;
    told.assert_error(400, "AuthorizationPendingException");
    grants.server.switch.set(Mode::Working);
    assert_eq!(
        (rows.count("SELECT max(gen) FROM sessions"), rows.sessions()),
        (2, 2)
    );
    let again = Tokens::of(&grants.refresh().await);
    assert_eq!(
        rows.count("SELECT max(gen) FROM sessions"),
        2,
        "no second step"
    );
    grants
        .server
        .aws()
        .list_accounts(&again.access)
        .await
        .assert_status(200);
    Tokens::of(&grants.poll(&grants.approved).await);
    assert_eq!(
        (rows.sessions(), rows.live_sessions()),
        (2, 2),
        "no second session"
    );
}

#[tokio::test]
async fn tok_13_a_failed_statement_is_told_in_fixed_words() {
    let grants = Grants::alive().await;
    let before = grants.server.rows().everything();
    grants.server.switch.set(Mode::Broken);
    for answer in [
        grants.refresh().await,
        grants.redeem().await,
        grants.poll(&grants.approved).await,
        grants.poll(&grants.waiting).await,
    ] {
        answer.assert_error(500, "InternalServerException");
        assert_eq!(answer.member("error"), "server_error");
        for inside in ["kit", "column", "table", "switch"] {
            assert!(!answer.text().contains(inside), "{answer}");
        }
    }
    assert_eq!(grants.server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_13_a_panic_costs_one_request_and_nothing_else() {
    let server = TestServer::start().await;
    let store = Arc::new(FaultyStore::new(
        Arc::clone(&server.switch) as _,
        Fault::Panics,
    ));
    let node = server
        .node("panicking")
        .store(Arc::clone(&store) as _)
        .start()
        .await;
    let aws = node.aws();
    let client = aws.register_for_codes(REDIRECT_URI).await;
    let device = aws.start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    // The user code's key is shared, so the other node may approve.
    browser.approve(&device.user_code).await.assert_status(303);
    let before = server.rows().everything();
    store.misbehave(true);
    for _ in 0..3 {
        let answer = aws.poll(&client, &device).await;
        answer.assert_error(500, "InternalServerException");
        assert!(
            !answer.text().contains("panic") && !answer.text().contains("kit"),
            "{answer}"
        );
        aws.start_device_with(client.with(json!({ "startUrl": aws.start_url() })))
            .await
            .assert_error(500, "InternalServerException");
    }
    assert_eq!(server.rows().everything(), before);
    store.misbehave(false);
    let tokens = Tokens::of(&aws.poll(&client, &device).await);
    aws.list_accounts(&tokens.access).await.assert_status(200);
    assert_eq!(server.rows().sessions(), 1);
    Evidence::that("six panics")
        .answers(1, 0, 0)
        .lost(0)
        .doubled(0)
        .print();
}

/// One bug costs one request; a node that meets them all the time is not where requests should go.
#[tokio::test]
async fn f32_three_panics_in_ten_seconds_turn_a_node_away() {
    let server = TestServer::start().await;
    let inner = Arc::clone(&server.switch) as _;
    let store = Arc::new(FaultyStore::new(inner, Fault::Panics));
    let node = server.node("panicking").store(Arc::clone(&store) as _);
    let node = node.start().await;
    let aws = node.aws();
    let client = aws.register().await;
    store.misbehave(true);
    let panic = async || {
        let refused = aws.start_device_with(client.with(json!({ "startUrl": aws.start_url() })));
        refused.await.assert_error(500, "InternalServerException");
    };
    panic().await;
    panic().await;
    node.app.ready().expect("two may be chance");
    server.clock.advance(10);
    panic().await;
    panic().await;
    node.app.ready().expect("two in the last ten seconds");
    panic().await;
    let why = node.app.ready().expect_err("three in ten seconds");
    assert!(why.contains("a handler panicked"), "{why}");
    // It goes on answering whoever is there: that is for the balancer to change.
    store.misbehave(false);
    aws.start_device(&client).await;
    server.clock.advance(10);
    node.app.ready().expect("none in the last ten seconds");
    Evidence::that("five panics, three of them in ten seconds").print();
}

/// One deadline covers it all (settled): three seconds, then 503.
#[tokio::test]
async fn tok_10_a_store_that_never_answers_is_given_up_within_three_seconds() {
    let server = TestServer::start().await;
    let signed_in = server.signed_in_device().await;
    let store = Arc::new(FaultyStore::new(
        Arc::clone(&server.switch) as _,
        Fault::Hangs,
    ));
    let node = server
        .node("hanging")
        .store(Arc::clone(&store) as _)
        .start()
        .await;
    let aws = node.aws();
    let (client, tokens) = (&signed_in.client, &signed_in.tokens);
    store.misbehave(true);
    let began = Instant::now();
    let device = aws.start_device_with(client.with(json!({ "startUrl": aws.start_url() })));
    let (refreshed, listed, started) = tokio::join!(
        aws.refresh(client, tokens.refresh_token()),
        aws.list_accounts(&tokens.access),
        device,
    );
    assert_unavailable(&refreshed);
    assert_unavailable(&started);
    listed.assert_error(503, "InternalServerException");
    // Three seconds by the server's timer; the rest is a busy machine's.
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    store.misbehave(false);
    Tokens::of(&aws.refresh(client, tokens.refresh_token()).await);
}
