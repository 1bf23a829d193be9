//! Rotation as honest clients meet it: successors, retries, copies of a cache, the end of a
//! session.

use std::collections::BTreeSet;

use claviger_model::time::Lifetime;
use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, Tokens, client},
    evidence::Evidence,
    http::{Connection, Request},
    proxy::{End, Proxy, Weather},
};
use serde_json::json;

use super::scene::{AWAY, HOME, NEIGHBOUR, Scene};

#[tokio::test]
async fn ref_01_a_refresh_rotates_and_leaves_the_old_access_token_alone() {
    let scene = Scene::set().await;
    let all = scene.rotated(4).await;
    assert_eq!(scene.generation(), 5);
    let [.., fifth] = all.as_slice() else {
        panic!("five")
    };
    scene.server.clock.advance(120);
    let sixth = scene.refresh(fifth).await;
    assert_eq!(scene.generation(), 6);
    assert_ne!(sixth.refresh, fifth.refresh);
    assert_ne!(sixth.access, fifth.access);
    scene.used(fifth).await;
    scene.used(&sixth).await;
    // Until its own end, which is an hour after it was made.
    scene.server.clock.advance(3600 - 120 - 1);
    scene.used(fifth).await;
    scene.server.clock.advance(1);
    scene
        .at(HOME)
        .list_accounts(&fifth.access)
        .await
        .assert_status(401);
    scene.used(&sixth).await;
    let distinct: BTreeSet<_> = all.iter().map(Tokens::refresh_token).collect();
    assert_eq!(distinct.len(), 5);
}

#[tokio::test]
async fn ref_03_a_lost_answer_is_given_again_byte_for_byte() {
    let scene = Scene::set().await;
    let successor = scene.refresh(&scene.first).await;
    let before = scene.server.rows().everything();
    let mut passed = 0;
    for second in [0, 1, 10, 59] {
        scene.server.clock.advance(second - passed);
        passed = second;
        for address in [HOME, AWAY] {
            let again = scene.refresh_at(address, &scene.first).await;
            assert_eq!(again.refresh, successor.refresh);
            assert_eq!(again.expires_in, 3600, "the access token is fresh");
        }
    }
    assert_eq!(
        scene.server.rows().everything(),
        before,
        "a retry writes nothing"
    );
    assert_eq!(scene.generation(), 2);
    Evidence::that("an answer that nobody received, asked for eight times")
        .lost(0)
        .doubled(0)
        .print();
}

#[tokio::test]
async fn ref_05_a_read_only_copy_of_the_cache_goes_on_working() {
    let scene = Scene::set().await;
    let all = scene.rotated(1).await;
    let [old, current] = all.as_slice() else {
        panic!("two")
    };
    scene.used(current).await;
    for _ in 0..5 {
        scene.server.clock.advance(45 * 60);
        let copy = scene.refresh_at(NEIGHBOUR, old).await;
        assert_eq!(copy.refresh, current.refresh);
        scene.used(&copy).await;
    }
    assert_eq!(scene.generation(), 2);
    scene.assert_alive();
    let next = scene.refresh(current).await;
    assert_eq!(scene.generation(), 3);
    assert_ne!(next.refresh, current.refresh);
    // Settled: a copy in use costs no write and no record.
    assert_eq!(scene.server.rows().recorded("refresh.late"), 0);
}

#[tokio::test]
async fn ref_05_in_strict_mode_a_copy_is_a_theft() {
    let scene = Scene::with(|policy| policy.aws_rotation.strict = true).await;
    let all = scene.rotated(1).await;
    let [old, current] = all.as_slice() else {
        panic!("two")
    };
    scene.used(current).await;
    scene.server.clock.advance(45 * 60);
    scene.refused(NEIGHBOUR, old.refresh_token()).await;
    scene.assert_stolen(&[old, current]).await;
}

#[tokio::test]
async fn ref_06_a_fast_double_rotation_is_no_theft() {
    let scene = Scene::set().await;
    let mut last = scene.first.clone();
    for _ in 0..3 {
        scene.server.clock.advance(1);
        last = scene.refresh(&last).await;
        scene.used(&last).await;
    }
    scene.server.clock.advance(1);
    for address in [HOME, AWAY] {
        let current = scene.refresh_at(address, &scene.first).await;
        assert_eq!(current.refresh, last.refresh);
    }
    assert_eq!(scene.generation(), 4);
    scene.assert_alive();
}

/// A client of two scopes, one of which opens the portal.
async fn two_scopes(server: &TestServer) -> (claviger_tests::aws::Client, Tokens) {
    let scopes = json!([ACCOUNT_ACCESS, "codewhisperer:completions"]);
    let body = json!({ "clientName": "aws-cli", "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let device = server.aws().start_device(&client).await;
    server
        .browser_of("alice")
        .await
        .approve(&device.user_code)
        .await
        .assert_status(303);
    let tokens = Tokens::of(&server.aws().poll(&client, &device).await);
    (client, tokens)
}

#[tokio::test]
async fn ref_13_a_refresh_may_ask_for_less_and_never_for_more() {
    let server = TestServer::start().await;
    let (client, first) = two_scopes(&server).await;
    let body = |token: &Tokens, scope: serde_json::Value| {
        client.with(json!({
            "grantType": "refresh_token",
            "refreshToken": token.refresh_token(),
            "scope": scope,
        }))
    };
    let before = server.rows().everything();
    for wider in [
        json!([
            ACCOUNT_ACCESS,
            "codewhisperer:completions",
            "codewhisperer:analysis"
        ]),
        json!(["sso-portal:*"]),
        json!(["openid"]),
    ] {
        let refused = server.aws().create_token(body(&first, wider)).await;
        refused.assert_error(400, "InvalidScopeException");
    }
    assert_eq!(server.rows().everything(), before);

    let narrow = json!(["codewhisperer:completions"]);
    let narrow = Tokens::of(&server.aws().create_token(body(&first, narrow)).await);
    server
        .aws()
        .list_accounts(&narrow.access)
        .await
        .assert_error(403, "ForbiddenException");
    // The refresh token keeps what was granted.
    let wide = Tokens::of(&server.aws().refresh(&client, narrow.refresh_token()).await);
    server
        .aws()
        .list_accounts(&wide.access)
        .await
        .assert_status(200);
    // So does a retry of the narrow one.
    let wide = Tokens::of(&server.aws().refresh(&client, first.refresh_token()).await);
    server
        .aws()
        .list_accounts(&wide.access)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn ref_14_no_refresh_outlives_the_session() {
    let scene = Scene::set().await;
    scene.server.clock.set(8 * 3600 - 1200);
    let near = scene.refresh(&scene.first).await;
    assert_eq!(near.expires_in, 1200);
    scene.server.clock.set(8 * 3600 - 600);
    let last = scene.refresh(&near).await;
    assert_eq!(last.expires_in, 600);
    // So near the end nothing is gained by rotating.
    assert_eq!((scene.generation(), &last.refresh), (2, &near.refresh));
    scene.server.clock.set(8 * 3600 - 1);
    assert_eq!(scene.refresh(&last).await.expires_in, 1);
    scene.used(&last).await;
    scene.server.clock.set(8 * 3600);
    let before = scene.server.rows().everything();
    for tokens in [&last, &scene.first] {
        scene.refused(HOME, tokens.refresh_token()).await;
    }
    scene
        .at(HOME)
        .list_accounts(&last.access)
        .await
        .assert_status(401);
    assert_eq!(scene.server.rows().everything(), before);
}

#[tokio::test]
async fn ref_14_an_idle_session_ends_and_a_used_one_does_not() {
    let scene = Scene::with(|policy| policy.session_idle = Lifetime::hours(1)).await;
    let mut last = scene.first.clone();
    for _ in 0..5 {
        scene.server.clock.advance(3599);
        last = scene.refresh(&last).await;
    }
    scene.server.clock.advance(3600);
    scene.refused(HOME, last.refresh_token()).await;
    assert_eq!(scene.generation(), 6);
}

#[tokio::test]
async fn ref_17_a_busy_session_is_answered_and_rotates_no_more_than_four_times_a_grace() {
    let scene = Scene::set().await;
    let mut last = scene.first.clone();
    let mut seen = BTreeSet::from([scene.first.refresh_token().to_owned()]);
    for _ in 0..60 {
        last = scene.refresh(&last).await;
        seen.insert(last.refresh_token().to_owned());
        scene.used(&last).await;
    }
    assert_eq!((scene.generation(), seen.len()), (5, 5));
    // Every one of them is still good: the memory of rotations covers them all.
    for token in &seen {
        let current = Tokens::of(&scene.answer(AWAY, token).await);
        assert_eq!(current.refresh, last.refresh);
    }
    scene.server.clock.advance(60);
    assert_ne!(scene.refresh(&last).await.refresh, last.refresh);
    assert_eq!(scene.generation(), 6);
}

#[tokio::test]
async fn ref_23_an_answer_lost_on_the_way_home_is_given_twice_and_no_more() {
    let scene = Scene::set().await;
    let successor = scene.refresh(&scene.first).await;
    // Nothing of the successor ever arrived; the laptop wakes on another network.
    scene.server.clock.advance(20 * 60);
    let again = scene.refresh_at(AWAY, &scene.first).await;
    assert_eq!(again.refresh, successor.refresh);
    assert_eq!(scene.server.rows().recorded("refresh.late"), 1);
    scene.server.clock.advance(20 * 60);
    let again = scene.refresh_at("203.0.113.5", &scene.first).await;
    assert_eq!(again.refresh, successor.refresh);
    assert_eq!(
        (
            scene.server.rows().recorded("refresh.late"),
            scene.generation()
        ),
        (2, 2)
    );
    scene.server.clock.advance(10 * 60);
    scene.refused(AWAY, scene.first.refresh_token()).await;
    scene.assert_stolen(&[&scene.first, &successor]).await;
}

#[tokio::test]
async fn ref_23_after_an_hour_an_answer_is_lost_for_good() {
    let scene = Scene::set().await;
    let successor = scene.refresh(&scene.first).await;
    scene.server.clock.advance(3599);
    let again = scene.refresh_at(AWAY, &scene.first).await;
    assert_eq!(again.refresh, successor.refresh);
    scene.server.clock.advance(1);
    scene.refused(AWAY, scene.first.refresh_token()).await;
    scene.assert_stolen(&[&scene.first, &successor]).await;
}

/// The way back breaks at every place of the answer: after the commit, and before the client knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f26_an_answer_that_is_cut_anywhere_is_given_again() {
    let scene = Scene::set().await;
    let way = Proxy::start(vec![End::Tcp(scene.server.address())]).await;
    let host = scene.server.host().to_owned();
    let (mut tokens, mut lost) = (scene.first.clone(), 0);
    for bytes in (0..2_000).step_by(31) {
        scene.server.clock.advance(20);
        let refresh = serde_json::json!({
            "grantType": "refresh_token", "refreshToken": tokens.refresh_token(),
        });
        let request = Request::post("/token")
            .json(&scene.client.with(refresh))
            .header("X-Forwarded-For", HOME);
        way.turn(Weather::AnswersCutAfter(bytes));
        let answer = Connection::attempt(way.address, &host, &request).await;
        let before = scene.generation();
        let again = scene.refresh(&tokens).await;
        assert_eq!(scene.generation(), before, "a retry is no second rotation");
        let Some(answer) = answer else {
            lost += 1;
            tokens = again;
            continue;
        };
        assert_eq!(Tokens::of(&answer).refresh_token(), again.refresh_token());
        break;
    }
    assert!(lost >= 10, "{lost} answers were cut");
    assert!(way.struck() >= lost, "each was met");
    Evidence::that(format!("{lost} answers cut, one every 31 bytes"))
        .lost(0)
        .doubled(0)
        .print();
}
