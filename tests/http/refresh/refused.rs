//! Refusals that change nothing: wrong clients, damaged tokens, people who are out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_engine::admin;
use claviger_model::{directory::UserName, secret::Secret};
use claviger_tests::{aws::Client, seed};
use serde_json::json;

use super::scene::{HOME, Scene};

#[tokio::test]
async fn ref_10_another_clients_token_is_refused_and_nothing_happens_to_it() {
    let scene = Scene::set().await;
    let all = scene.rotated(2).await;
    let [old, _, current] = all.as_slice() else {
        panic!("three")
    };
    let other = scene.at(HOME).register().await;
    let before = scene.server.rows().everything();
    // Current, superseded and long superseded: none of them is reuse from the wrong client.
    for tokens in &all {
        let told = scene.at(HOME).refresh(&other, tokens.refresh_token()).await;
        told.assert_error(400, "InvalidGrantException");
    }
    let mixed = Client {
        id: scene.client.id.clone(),
        secret: other.secret,
    };
    let told = scene.at(HOME).refresh(&mixed, old.refresh_token()).await;
    told.assert_error(401, "InvalidClientException");
    assert_eq!(scene.server.rows().everything(), before);
    scene.refresh(current).await;
    assert_eq!(scene.generation(), 4);
}

#[tokio::test]
async fn ref_11_a_refresh_needs_its_client() {
    let scene = Scene::set().await;
    let token = scene.first.refresh_token();
    let before = scene.server.rows().everything();
    let Client { id, secret } = scene.client.clone();
    let bare = json!({ "grantType": "refresh_token", "refreshToken": token });
    let with = |name: &str, value: &str| {
        let mut body = bare.clone();
        body.as_object_mut()
            .expect("an object")
            .insert(name.to_owned(), json!(value));
        body
    };
    for body in [
        bare.clone(),
        with("clientId", &id),
        with("clientSecret", &secret),
    ] {
        let told = scene.at(HOME).create_token(body).await;
        told.assert_error(400, "InvalidRequestException");
    }
    let wrong = Client {
        id: id.clone(),
        secret: id.clone(),
    };
    let told = scene.at(HOME).refresh(&wrong, token).await;
    told.assert_error(401, "InvalidClientException");
    assert_eq!(scene.server.rows().everything(), before);
    scene.refresh(&scene.first).await;
}

#[tokio::test]
async fn ref_11_an_expired_client_refreshes_nothing() {
    let scene = Scene::with(|policy| {
        policy.client_lifetime = claviger_model::time::Lifetime::hours(1);
    })
    .await;
    scene.server.clock.set(3599);
    let second = scene.refresh(&scene.first).await;
    scene.server.clock.set(3600);
    let before = scene.server.rows().everything();
    let told = scene.answer(HOME, second.refresh_token()).await;
    told.assert_error(401, "InvalidClientException");
    assert_eq!(scene.server.rows().everything(), before);
    scene.assert_alive();
}

#[tokio::test]
async fn ref_12_half_written_and_damaged_tokens_change_nothing() {
    let scene = Scene::set().await;
    let all = scene.rotated(3).await;
    let current = all.last().expect("a fourth").refresh_token();
    let before = scene.server.rows().everything();
    let mut damaged: Vec<String> = (1..current.len())
        .filter_map(|length| current.get(..length).map(ToOwned::to_owned))
        .collect();
    for (at, byte) in current.bytes().enumerate() {
        for bit in 0..8 {
            let mut bytes: Vec<char> = current.chars().collect();
            if let Some(place) = bytes.get_mut(at) {
                *place = char::from(byte ^ (1 << bit));
            }
            damaged.push(bytes.into_iter().collect());
        }
    }
    let (prefix, body) = current.split_once('.').expect("a dot");
    damaged.extend([
        format!("{current}="),
        format!("{current}=="),
        format!("{current}A"),
        format!(" {current}"),
        format!("{current} "),
        format!("{current}\n"),
        format!("\"{current}\""),
        current.to_uppercase(),
        current.to_lowercase(),
        body.to_owned(),
        format!("{prefix}..{body}"),
        format!("{current}{current}"),
    ]);
    for token in &damaged {
        assert_ne!(token, current);
        scene.refused(HOME, token).await;
    }
    let last = current.chars().next_back().expect("a letter");
    assert!(
        damaged
            .iter()
            .any(|token| token.len() == current.len() && !token.ends_with(last))
    );
    assert_eq!(scene.server.rows().everything(), before);
    scene.assert_alive();
    scene.refresh(all.last().expect("a fourth")).await;
}

#[tokio::test]
async fn ref_12_every_bit_of_the_bytes_counts() {
    let scene = Scene::set().await;
    let current = scene.first.refresh_token();
    let bytes = URL_SAFE_NO_PAD
        .decode(current.strip_prefix("cvr1.").expect("a prefix"))
        .expect("base64");
    let before = scene.server.rows().everything();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << bit;
            }
            scene
                .refused(HOME, &format!("cvr1.{}", URL_SAFE_NO_PAD.encode(flipped)))
                .await;
        }
    }
    assert_eq!(scene.server.rows().everything(), before);
    scene.refresh(&scene.first).await;
}

#[tokio::test]
async fn ref_20_a_person_who_is_disabled_refreshes_nothing_ever_again() {
    let scene = Scene::set().await;
    let ended = admin::user::disable(&scene.server.context, "alice").await;
    assert_eq!(ended.expect("disabled"), 1);
    scene.assert_dead(&[&scene.first]).await;
    admin::user::enable(&scene.server.context, "alice")
        .await
        .expect("enabled");
    scene.assert_dead(&[&scene.first]).await;
}

#[tokio::test]
async fn ref_20_a_person_who_is_removed_refreshes_nothing() {
    let scene = Scene::set().await;
    let mut directory = seed::directory();
    let stays = |name: &UserName| name.as_str() != "alice";
    directory.users.retain(|user| stays(&user.name));
    directory
        .groups
        .iter_mut()
        .for_each(|group| group.members.retain(stays));
    directory
        .roles
        .iter_mut()
        .for_each(|role| role.users.retain(stays));
    admin::directory::apply(&scene.server.context, &directory)
        .await
        .expect("applied");
    scene.assert_dead(&[&scene.first]).await;
    // Somebody new of the same name is somebody else.
    admin::directory::apply(&scene.server.context, &seed::directory())
        .await
        .expect("applied");
    scene.assert_dead(&[&scene.first]).await;
}

#[tokio::test]
async fn ref_20_a_password_reset_ends_sessions_when_it_says_so() {
    let scene = Scene::set().await;
    let reset = async |password: &str, sign_out| {
        scene.server.secrets().add(password);
        let password = Secret::from(password);
        admin::user::set_password(&scene.server.context, "alice", &password, sign_out).await
    };
    assert_eq!(reset("a first new one", false).await.expect("set"), 0);
    let second = scene.refresh(&scene.first).await;
    assert_eq!(reset("a second new one", true).await.expect("set"), 1);
    scene.assert_dead(&[&scene.first, &second]).await;
}

#[tokio::test]
async fn ref_20_ending_all_sessions_of_a_person_ends_them() {
    let scene = Scene::set().await;
    let bob = scene.server.signed_in_device_of("bob").await;
    assert_eq!(
        admin::session::end_all(&scene.server.context, "alice")
            .await
            .expect("ended"),
        1
    );
    scene.assert_dead(&[&scene.first]).await;
    scene
        .server
        .aws()
        .list_accounts(&bob.tokens.access)
        .await
        .assert_status(200);
}
