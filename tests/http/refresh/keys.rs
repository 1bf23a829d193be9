//! Key epochs: no client notices a rotation, and a burned key opens nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use claviger_engine::admin;
use claviger_model::time::Lifetime;
use claviger_tests::{TestServer, aws::Tokens, evidence::Evidence, seed::SANDBOX};

use super::scene::{AWAY, HOME, Scene};

#[tokio::test]
async fn ref_18_a_retry_after_a_key_rotation_gives_the_same_bytes() {
    let scene = Scene::set().await;
    let before = scene.refresh(&scene.first).await;
    assert_eq!(
        admin::keys::rotate(&scene.server.context, None)
            .await
            .expect("rotated"),
        2
    );
    let after = scene.refresh_at(AWAY, &scene.first).await;
    assert_eq!(before.refresh, after.refresh);
    assert_ne!(
        before.access, after.access,
        "access tokens are made under the new epoch"
    );
    scene.used(&before).await;
    scene.used(&after).await;
    scene.server.clock.advance(120);
    // A copy of the cache at the same network is known again under the old key.
    let copy = scene.refresh(&scene.first).await;
    assert_eq!(copy.refresh, before.refresh);
    let next = scene.refresh(&after).await;
    assert_eq!(scene.generation(), 3);
    assert_eq!(
        scene.server.rows().count("SELECT gen_epoch FROM sessions"),
        2
    );
    let again = scene.refresh(&after).await;
    assert_eq!(next.refresh, again.refresh);
    scene.assert_alive();
}

#[tokio::test]
async fn ref_18_a_node_that_comes_later_reads_both_epochs() {
    let scene = Scene::set().await;
    let before = scene.refresh(&scene.first).await;
    admin::keys::rotate(&scene.server.context, None)
        .await
        .expect("rotated");
    let node = scene.server.node("second").start().await;
    let token = scene.first.refresh_token();
    let after = node.aws().from(HOME).refresh(&scene.client, token).await;
    assert_eq!(
        claviger_tests::aws::Tokens::of(&after).refresh,
        before.refresh
    );
}

/// One client at work: refreshes, lists, draws, as fast as it is answered, until it is told to stop.
/// Answers how many requests it made; every one of them must be served.
async fn work(server: &TestServer, done: &AtomicUsize, stop: &AtomicBool) {
    let aws = server.aws();
    let client = aws.register().await;
    let mut tokens = server.sign_in_device("alice", client.clone()).await.tokens;
    while !stop.load(Ordering::Relaxed) {
        let renewed = aws.refresh(&client, tokens.refresh_token()).await;
        tokens = Tokens::of(renewed.assert_status(200));
        aws.list_accounts(&tokens.access).await.assert_status(200);
        let drawn = aws
            .role_credentials(&tokens.access, SANDBOX, "ReadOnly")
            .await;
        drawn.assert_status(200);
        // A client id and a device code of before a rotation are good after it.
        let device = aws.start_device(&client).await;
        let polled = aws.poll(&client, &device).await;
        polled.assert_error(400, "AuthorizationPendingException");
        done.fetch_add(5, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_five_rotations_under_load_fail_no_request() {
    let server = TestServer::builder()
        .policy(|policy| {
            policy.limits.devices_per_network = 1_000_000;
            policy.limits.devices_per_client = 1_000_000;
            policy.limits.devices = 1_000_000;
        })
        .start()
        .await;
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let rotate = async {
        for epoch in 2..=6 {
            // Each rotation has work before it and after it.
            let due = done.load(Ordering::Relaxed) + 200;
            while done.load(Ordering::Relaxed) < due {
                tokio::task::yield_now().await;
            }
            server.clock.advance(12);
            let rotated = admin::keys::rotate(&server.context, None)
                .await
                .expect("rotated");
            assert_eq!(rotated, epoch);
        }
        stop.store(true, Ordering::Relaxed);
    };
    let working = (0..8).map(|_| work(&server, &done, &stop));
    futures_util::future::join(futures_util::future::join_all(working), rotate).await;
    let done = done.load(Ordering::Relaxed);
    assert!(done >= 1_000);
    Evidence::that("five rotations under load")
        .answers(done.try_into().expect("a count"), 0, 0)
        .lost(0)
        .print();
}

#[tokio::test]
async fn ref_19_tokens_of_a_burned_epoch_are_nothing() {
    let scene = Scene::set().await;
    let second = scene.refresh(&scene.first).await;
    admin::keys::rotate(&scene.server.context, None)
        .await
        .expect("rotated");
    assert_eq!(
        scene
            .server
            .tamper("UPDATE keyring SET state = 'burned' WHERE epoch = 1")
            .await,
        1
    );
    let before = scene.server.rows().everything();
    let node = scene.server.node("second").start().await;
    let aws = node.aws().from(HOME);
    let reads = scene.server.switch.reads();
    for tokens in [&scene.first, &second] {
        let told = aws.refresh(&scene.client, tokens.refresh_token()).await;
        told.assert_error(400, "InvalidGrantException");
        aws.list_accounts(&tokens.access)
            .await
            .assert_error(401, "UnauthorizedException");
    }
    assert_eq!(
        scene.server.switch.reads(),
        reads,
        "judged without the store"
    );
    assert_eq!(scene.server.rows().everything(), before);
}

#[tokio::test]
async fn f17_every_node_knows_new_keys_before_one_makes_tokens_of_them() {
    let scene = Scene::with(|policy| policy.keys_staged = Lifetime::seconds(10)).await;
    let server = &scene.server;
    let node = server.node("second").start().await;
    let epochs = || [&server.context, &node.context].map(|own| own.keys.active().epoch);
    let rotated = admin::keys::rotate(&server.context, None).await;
    assert_eq!(rotated.expect("rotated"), 2);
    node.context.refresh().await.expect("it learns");
    assert_eq!(epochs(), [1, 1], "known, and not used yet");
    server.clock.advance(9);
    for context in [&server.context, &node.context] {
        context.refresh().await.expect("it learns");
    }
    assert_eq!(epochs(), [1, 1]);
    server.clock.advance(1);
    // One node is first; what it makes is good at the other, which still makes the old ones.
    server.context.refresh().await.expect("it learns");
    assert_eq!(epochs(), [2, 1]);
    let new = scene.refresh(&scene.first).await;
    let there = node.aws().from(HOME);
    there.list_accounts(&new.access).await.assert_status(200);
    server.clock.advance(100);
    let old = Tokens::of(&there.refresh(&scene.client, new.refresh_token()).await);
    scene
        .at(HOME)
        .list_accounts(&old.access)
        .await
        .assert_status(200);
    // A rotation while one is on its way is refused or follows it, and nothing is lost.
    node.context.refresh().await.expect("it learns");
    assert_eq!(epochs(), [2, 2]);
    Evidence::that("two nodes that make tokens of different keys")
        .answers(4, 0, 0)
        .print();
}

#[tokio::test]
async fn a_client_that_is_denied_at_one_node_is_denied_at_the_others() {
    let scene = Scene::set().await;
    let node = scene.server.node("second").start().await;
    let there = node.aws().from(HOME);
    let denied = admin::client::deny(&scene.server.context, &scene.client.id, "test").await;
    denied.expect("denied");
    // Its sessions are over at once; what it would begin anew, once the node has looked.
    there
        .list_accounts(&scene.first.access)
        .await
        .assert_error(401, "UnauthorizedException");
    node.context.refresh().await.expect("it learns");
    there
        .refresh(&scene.client, scene.first.refresh_token())
        .await
        .assert_error(401, "InvalidClientException");
    let allowed = admin::client::allow(&scene.server.context, &scene.client.id).await;
    allowed.expect("allowed");
    node.context.refresh().await.expect("it learns");
    there.start_device(&scene.client).await;
}

/// A node that was asleep or cut off while keys changed must not take what it does not know for a forgery.
#[tokio::test]
async fn f17_a_node_that_could_not_look_says_503_until_it_has() {
    let server = TestServer::builder()
        .policy(|policy| policy.keys_staged = Lifetime::seconds(2))
        .alone()
        .start()
        .await;
    let node = server.node("asleep").start().await;
    let signed_in = server.signed_in_device().await;
    admin::keys::rotate(&server.context, None)
        .await
        .expect("rotated");
    server.clock.advance(3);
    server.context.refresh().await.expect("looked");
    let client = &signed_in.client;
    let renewed = server
        .aws()
        .refresh(client, signed_in.tokens.refresh_token())
        .await;
    let tokens = Tokens::of(&renewed);
    // It looked within the second, as far as it knows: then an unknown key is nobody's.
    let mut told = node.aws().list_accounts(&tokens.access).await;
    let begun = std::time::Instant::now();
    while told.status == 401 && begun.elapsed().as_secs() < 10 {
        told = node.aws().list_accounts(&tokens.access).await;
    }
    told.assert_error(503, "InternalServerException");
    let refreshed = node.aws().refresh(client, tokens.refresh_token()).await;
    refreshed.assert_error(503, "InternalServerException");
    node.context.refresh().await.expect("looked");
    let aws = node.aws();
    aws.list_accounts(&tokens.access).await.assert_status(200);
    Tokens::of(&aws.refresh(client, tokens.refresh_token()).await);
    // And what is unknown to everybody is nobody's again.
    aws.list_accounts("cva1.made-up").await.assert_status(401);
    Evidence::that("keys that a node had not learnt met it twice")
        .answers(3, 2, 0)
        .print();
}
