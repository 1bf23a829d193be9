//! Theft: a superseded token that no honest trouble explains ends the session.

use claviger_tests::{aws::Tokens, http::Request};
use serde_json::json;

use super::scene::{AWAY, HOME, NEIGHBOUR, Scene};

#[tokio::test]
async fn ref_04_a_superseded_token_from_elsewhere_ends_the_session() {
    let scene = Scene::set().await;
    let node = scene.server.node("second").start().await;
    let all = scene.rotated(5).await;
    let [.., fifth, sixth] = all.as_slice() else {
        panic!("six")
    };
    scene.used(sixth).await;
    scene.server.clock.advance(60);
    scene.refused(AWAY, fifth.refresh_token()).await;
    assert_eq!(scene.generation(), 6, "the thief rotated nothing");
    // At once on every node.
    node.aws()
        .list_accounts(&sixth.access)
        .await
        .assert_status(401);
    scene.assert_stolen(&all.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn ref_04_a_refresh_token_that_was_used_tells_as_much_as_an_access_token() {
    let scene = Scene::set().await;
    // The successor's refresh token was used: there are two rotations, the first token is old.
    let all = scene.rotated(2).await;
    scene
        .refused(NEIGHBOUR, all.first().expect("one").refresh_token())
        .await;
    scene.assert_stolen(&all.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn ref_07_a_token_of_long_ago_ends_the_session_wherever_it_comes_from() {
    for address in [HOME, NEIGHBOUR, AWAY] {
        let scene = Scene::set().await;
        let all = scene.rotated(8).await;
        assert_eq!(scene.generation(), 9);
        scene
            .refused(address, all.get(2).expect("the third").refresh_token())
            .await;
        scene.assert_stolen(&all.iter().collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn ref_07_a_long_ago_of_seconds_is_one_too() {
    let scene = Scene::with(|policy| policy.aws_rotation.strict = true).await;
    let mut all = vec![scene.first.clone()];
    for _ in 0..6 {
        all.push(scene.refresh(all.last().expect("one")).await);
    }
    assert_eq!(scene.generation(), 7);
    // Four rotations back are remembered, the fifth is not.
    let third = Tokens::of(
        &scene
            .answer(HOME, all.get(2).expect("the third").refresh_token())
            .await,
    );
    assert_eq!(
        Some(&third.refresh),
        all.last().map(|tokens| &tokens.refresh)
    );
    scene
        .refused(HOME, all.get(1).expect("the second").refresh_token())
        .await;
    scene.assert_stolen(&all.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn ref_08_grace_is_nothing_to_a_session_that_ended() {
    let scene = Scene::set().await;
    let second = scene.refresh(&scene.first).await;
    // Within grace the old token would be answered.
    scene.refresh(&scene.first).await;
    scene
        .at(HOME)
        .logout(&second.access)
        .await
        .assert_status(200);
    let before = scene.server.rows().everything();
    scene.assert_dead(&[&scene.first, &second]).await;
    assert_eq!(scene.server.rows().end_reason(), "logout");
    assert_eq!(
        scene.server.rows().everything(),
        before,
        "no reuse is noted any more"
    );
}

#[tokio::test]
async fn ref_16_a_superseded_token_is_no_oracle() {
    let scene = Scene::set().await;
    let before = scene.at(HOME).list_accounts(&scene.first.access).await;
    let second = scene.refresh(&scene.first).await;
    let after = scene.at(HOME).list_accounts(&scene.first.access).await;
    assert_eq!(before.to_string(), after.to_string());
    // There is nothing that tells about a refresh token without presenting it.
    for path in ["/token/introspect", "/token/revoke"] {
        for token in [&scene.first, &second] {
            let request = Request::post(path).json(&json!({ "token": token.refresh_token() }));
            scene
                .server
                .send(request)
                .await
                .assert_error(404, "UnknownOperationException");
        }
    }
    for tokens in [&scene.first, &second] {
        // A refresh token opens nothing by itself, whichever it is.
        scene
            .at(HOME)
            .list_accounts(tokens.refresh_token())
            .await
            .assert_status(401);
    }
    // Refused for reuse or for nonsense: the thief reads the same.
    scene.used(&second).await;
    scene.server.clock.advance(3600);
    let reuse = scene.answer(AWAY, scene.first.refresh_token()).await;
    let ended = scene.answer(AWAY, scene.first.refresh_token()).await;
    let nonsense = scene.answer(AWAY, "nonsense").await;
    assert_eq!(reuse.to_string(), nonsense.to_string());
    assert_eq!(ended.to_string(), nonsense.to_string());
}

#[tokio::test]
async fn ref_21_a_clock_set_back_stretches_no_window() {
    let scene = Scene::set().await;
    scene.server.clock.set(7200);
    let second = scene.refresh(&scene.first).await;
    scene.used(&second).await;
    scene.server.clock.set(7200 + 120 - 3600);
    scene.refused(AWAY, scene.first.refresh_token()).await;
    scene.assert_stolen(&[&scene.first, &second]).await;
}

#[tokio::test]
async fn ref_22_a_token_ahead_of_a_restored_store_is_taken_and_alarmed() {
    let scene = Scene::set().await;
    let all = scene.rotated(3).await;
    let ahead = all.last().expect("a fourth");
    // The backup was made one rotation earlier.
    assert_eq!(scene.server.tamper("UPDATE sessions SET gen = 3").await, 1);
    scene.server.clock.advance(120);
    let next = scene.refresh(ahead).await;
    assert_eq!(scene.generation(), 5);
    assert_eq!(scene.server.rows().recorded("refresh.ahead"), 1);
    scene.used(&next).await;
    scene.assert_alive();
    scene.refresh(&next).await;
    assert_eq!(scene.server.rows().recorded("refresh.ahead"), 1);
}

#[tokio::test]
async fn ref_22_five_ahead_is_more_than_a_store_can_have_lost() {
    let scene = Scene::set().await;
    let all = scene.rotated(5).await;
    let ahead = all.last().expect("a sixth");
    assert_eq!(scene.server.tamper("UPDATE sessions SET gen = 1").await, 1);
    scene.refused(HOME, ahead.refresh_token()).await;
    assert_eq!(
        (
            scene.generation(),
            scene.server.rows().recorded("refresh.ahead")
        ),
        (1, 1)
    );
    scene.assert_alive();
}

#[tokio::test]
async fn ref_22_where_ahead_is_not_accepted_it_is_refused_and_alarmed() {
    let scene = Scene::with(|policy| policy.aws_rotation.accept_ahead = false).await;
    let all = scene.rotated(3).await;
    assert_eq!(scene.server.tamper("UPDATE sessions SET gen = 3").await, 1);
    scene
        .refused(HOME, all.last().expect("a fourth").refresh_token())
        .await;
    assert_eq!(
        (
            scene.generation(),
            scene.server.rows().recorded("refresh.ahead")
        ),
        (3, 1)
    );
    scene.assert_alive();
}
