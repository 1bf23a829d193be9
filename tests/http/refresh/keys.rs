//! Key epochs: no client notices a rotation, and a burned key opens nothing.

use claviger_engine::admin;

use super::scene::{AWAY, HOME, Scene};

#[tokio::test]
async fn ref_18_a_retry_after_a_key_rotation_gives_the_same_bytes() {
    let scene = Scene::set().await;
    let before = scene.refresh(&scene.first).await;
    assert_eq!(
        admin::keys::rotate(&scene.server.context)
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
    admin::keys::rotate(&scene.server.context)
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

#[tokio::test]
async fn ref_19_tokens_of_a_burned_epoch_are_nothing() {
    let scene = Scene::set().await;
    let second = scene.refresh(&scene.first).await;
    admin::keys::rotate(&scene.server.context)
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
