//! A token of one kind is nothing where another kind belongs, in neither dialect, nor at another instance.

use claviger_model::id::InstanceId;
use claviger_tests::{
    TestServer,
    aws::Tokens,
    http::{Request, escape},
    oauth::tokens,
    server::REDIRECT_URI,
};
use serde_json::json;

use super::{
    places::{Bearer, PLACES},
    wallet::{Wallet, with_the_wiki},
};

/// The prefixes that tokens are told apart by.
const PREFIXES: [&str; 10] = [
    "cvc1.", "cvs1.", "cva1.", "cvr1.", "cvd1.", "cvz1-", "cvw1.", "cvb1.", "cvt1.", "cvp1.",
];

/// The clients that own what is in the wallet, and others' browsers.
async fn owner(wallet: &Wallet) -> Bearer {
    let server = &wallet.server;
    Bearer::of(
        (server.aws(), wallet.aws.client.clone()),
        (server.oauth(), wallet.oauth.client.clone()),
        server.browser(),
        server.browser_of("bob").await,
    )
    .await
}

#[tokio::test]
async fn tok_08_every_kind_is_nothing_where_another_belongs() {
    let wallet = Wallet::filled().await;
    let (owner, held) = (owner(&wallet).await, wallet.all().await);
    let before = wallet.server.rows().everything();
    for (kind, token) in &held {
        for place in PLACES.iter().filter(|place| !place.takes.contains(kind)) {
            owner.is_refused(place, kind, token).await;
        }
        if *kind != "page token" {
            let target = format!("/assignment/accounts?next_token={}", escape(token));
            let answer = owner.aws.portal(&target, &wallet.aws.tokens.access).await;
            answer.assert_error(400, "InvalidRequestException");
        }
    }
    assert_eq!(wallet.server.rows().everything(), before);
    // They were good all the while.
    let Wallet {
        server, aws, oauth, ..
    } = &wallet;
    let (by_aws, by_oauth) = (server.aws(), server.oauth());
    Tokens::of(&by_aws.redeem(&aws.client, &aws.code).await);
    let waiting = by_aws.poll(&aws.client, &aws.device).await;
    waiting.assert_error(400, "AuthorizationPendingException");
    by_aws
        .list_accounts(&aws.tokens.access)
        .await
        .assert_status(200);
    Tokens::of(
        &by_aws
            .refresh(&aws.client, aws.tokens.refresh_token())
            .await,
    );
    tokens(&by_oauth.redeem(&oauth.client, &oauth.code).await);
    let waiting = by_oauth.poll(&oauth.client, &oauth.device).await;
    waiting.assert_oauth_error(400, "authorization_pending");
    let access = format!("Bearer {}", oauth.tokens.access);
    let told = Request::get("/userinfo").header("Authorization", access);
    server.send(told).await.assert_status(200);
    let worth = by_oauth
        .introspect(&oauth.client, &oauth.tokens.access)
        .await;
    assert_eq!(worth.json()["active"], json!(true), "{worth}");
    tokens(
        &by_oauth
            .refresh(&oauth.client, oauth.tokens.refresh_token())
            .await,
    );
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (4, 4)
    );
}

/// Nor under the prefix of the kind that is wanted.
#[tokio::test]
async fn tok_08_a_prefix_makes_no_token() {
    let wallet = Wallet::filled().await;
    let (owner, held) = (owner(&wallet).await, wallet.all().await);
    let before = wallet.server.rows().everything();
    for (kind, token) in &held {
        let own = PREFIXES.into_iter().find(|own| token.starts_with(own));
        let own = own.unwrap_or_default();
        let bare = token.strip_prefix(own).unwrap_or_default();
        for place in PLACES.iter().filter(|place| place.prefix != own) {
            let disguised = format!("{}{bare}", place.prefix);
            owner.is_refused(place, kind, &disguised).await;
        }
    }
    assert_eq!(wallet.server.rows().everything(), before);
}

#[tokio::test]
async fn tok_09_tokens_of_one_instance_are_nothing_at_another() {
    let wallet = Wallet::filled().await;
    let elsewhere = with_the_wiki(TestServer::builder())
        .world(|world| world.instance(7))
        .start()
        .await;
    let (aws, oauth) = (elsewhere.aws(), elsewhere.oauth());
    let stranger = Bearer::of(
        (aws.clone(), aws.register_for_codes(REDIRECT_URI).await),
        (oauth.clone(), oauth.register(REDIRECT_URI).await),
        elsewhere.browser(),
        elsewhere.browser_of("bob").await,
    )
    .await;
    let before = elsewhere.rows().everything();
    // The operator's configuration is the same there.
    let held = wallet.all().await.into_iter();
    for (kind, token) in held.filter(|(kind, _)| *kind != "application's secret") {
        for place in &PLACES {
            stranger.is_refused(place, kind, &token).await;
        }
    }
    let start_url = json!({ "startUrl": elsewhere.aws().start_url() });
    let ours = wallet.aws.client.with(start_url);
    let answer = elsewhere.aws().start_device_with(ours).await;
    answer.assert_error(401, "InvalidClientException");
    let ours = &wallet.oauth.client;
    let answer = oauth.ask("/device_authorization", ours, &[]).await;
    answer.assert_oauth_error(401, "invalid_client");
    assert_eq!(elsewhere.rows().everything(), before);
}

/// The same store and the same root keys under another instance id: the id is inside every
/// derivation, so that a copy of the store under a new name shares no token.
#[tokio::test]
async fn tok_09_the_instance_is_inside_every_key_derivation() {
    let wallet = Wallet::filled().await;
    let renamed = |file: &mut claviger_engine::keys::file::KeyFile| {
        file.instance = InstanceId::from_bytes([7; 16]);
    };
    let node = wallet
        .server
        .node("renamed")
        .key_file(renamed)
        .start()
        .await;
    let mut visitor = node.browser();
    visitor
        .sign_in("alice", "correct horse")
        .await
        .assert_status(303);
    let (aws, oauth) = (node.aws(), node.oauth());
    let stranger = Bearer::of(
        (aws.clone(), aws.register_for_codes(REDIRECT_URI).await),
        (oauth.clone(), oauth.register(REDIRECT_URI).await),
        node.browser(),
        visitor.clone(),
    )
    .await;
    // The operator's configuration is the same there.
    let held = wallet.all().await.into_iter();
    for (kind, token) in held.filter(|(kind, _)| *kind != "application's secret") {
        for place in &PLACES {
            stranger.is_refused(place, kind, &token).await;
        }
    }
    let ours = wallet
        .aws
        .client
        .with(json!({ "grantType": "refresh_token" }));
    let typed = aws.create_token(ours).await;
    typed.assert_error(401, "InvalidClientException");
    let rows = wallet.server.rows();
    assert_eq!((rows.sessions(), rows.live_sessions()), (2, 2));
    // A user code is only found under the key that stored it.
    let user_code = &wallet.aws.device.user_code;
    let page = wallet
        .server
        .browser_of("alice")
        .await
        .look_up(user_code)
        .await;
    page.assert_status(200);
    visitor.look_up(user_code).await.assert_status(404);
}
