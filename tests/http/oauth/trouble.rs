//! A store that is away or cannot write, and bugs of ours, in this dialect's words: never a client's mistake.

use std::sync::Arc;

use claviger_tests::{
    TestServer,
    aws::{Client, Code, Device, Tokens},
    driver::Mode,
    faulty::{Fault, FaultyStore},
    http::{Request, Response},
    oauth::{Oauth, tokens},
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
        let oauth = server.oauth();
        let client = oauth.register(REDIRECT_URI).await;
        // A device's access token may know who it is about.
        let first = oauth.start_device(&client).await;
        let waiting = oauth.start_device(&client).await;
        let approved = oauth.start_device(&client).await;
        let mut browser = server.browser_of("alice").await;
        for device in [&first, &approved] {
            browser.approve(&device.user_code).await.assert_status(303);
        }
        let tokens = tokens(&oauth.poll(&client, &first).await);
        let code = server.code_for(&client).await;
        Self {
            server,
            client,
            waiting,
            approved,
            code,
            tokens,
        }
    }

    /// What writes: a refresh, a code, a device authorization, a revocation.
    async fn writing(&self) -> [Response; 4] {
        let (oauth, client) = (self.server.oauth(), &self.client);
        [
            oauth.refresh(client, self.tokens.refresh_token()).await,
            oauth.redeem(client, &self.code).await,
            oauth.ask("/device_authorization", client, &[]).await,
            oauth.revoke(client, &self.tokens.access).await,
        ]
    }

    /// What only looks: introspection and `userinfo`.
    async fn reading(&self) -> [Response; 2] {
        let oauth = self.server.oauth();
        let token = format!("Bearer {}", self.tokens.access);
        let userinfo = Request::get("/userinfo").header("Authorization", token);
        [
            oauth.introspect(&self.client, &self.tokens.access).await,
            oauth.send(userinfo).await,
        ]
    }

    async fn poll(&self, device: &Device) -> Response {
        self.server.oauth().poll(&self.client, device).await
    }

    /// That every grant still gives what it would have given.
    async fn assert_unspent(&self) {
        self.server.switch.set(Mode::Working);
        let waiting = self.poll(&self.waiting).await;
        waiting.assert_oauth_error(400, "authorization_pending");
        tokens(&self.poll(&self.approved).await);
        let [refreshed, redeemed, started, _] = self.writing().await;
        tokens(&refreshed);
        tokens(&redeemed);
        started.assert_status(200);
        // The last of them was its revocation.
        let rows = self.server.rows();
        assert_eq!((rows.sessions(), rows.live_sessions()), (3, 2));
    }
}

#[track_caller]
fn assert_unavailable(answer: &Response) {
    answer.assert_oauth_error(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
}

#[tokio::test]
async fn tok_10_while_the_store_is_away_nothing_is_the_clients_mistake() {
    let grants = Grants::alive().await;
    let (server, client) = (&grants.server, &grants.client);
    let oauth = server.oauth();
    let before = server.rows().everything();
    server.switch.set(Mode::Away);
    for answer in grants.writing().await.iter().chain(&grants.reading().await) {
        assert_unavailable(answer);
    }
    for device in [&grants.waiting, &grants.approved] {
        for _ in 0..8 {
            let answer = grants.poll(device).await;
            answer.assert_oauth_error(400, "authorization_pending");
        }
    }
    // Who is no client is told so without a store, and so is who shows no token at all.
    let nobody = Client {
        id: client.id.clone(),
        secret: "x".to_owned(),
    };
    let answer = oauth.refresh(&nobody, grants.tokens.refresh_token()).await;
    answer.assert_oauth_error(401, "invalid_client");
    let answer = oauth.refresh(client, "garbage").await;
    answer.assert_oauth_error(400, "invalid_grant");
    let answer = oauth.introspect(client, "garbage").await;
    assert_eq!(answer.json(), json!({ "active": false }));
    // What is stored nowhere works.
    oauth.register(REDIRECT_URI).await;
    for path in super::metadata::PATHS {
        server.send(Request::get(path)).await.assert_status(200);
    }
    assert_eq!(server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_10_a_store_that_cannot_write_spends_nothing() {
    let grants = Grants::alive().await;
    let server = &grants.server;
    let before = server.rows().everything();
    server.switch.set(Mode::ReadOnly);
    for answer in grants.writing().await {
        assert_unavailable(&answer);
    }
    for device in [&grants.waiting, &grants.approved] {
        let answer = grants.poll(device).await;
        answer.assert_oauth_error(400, "authorization_pending");
    }
    for answer in grants.reading().await {
        answer.assert_status(200);
    }
    assert_eq!(server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[track_caller]
fn assert_broken(answer: &Response) {
    answer.assert_oauth_error(500, "server_error");
    for inside in ["kit", "column", "table", "switch", "panic"] {
        assert!(!answer.text().contains(inside), "{answer}");
    }
}

#[tokio::test]
async fn tok_13_a_failed_statement_is_told_in_fixed_words() {
    let grants = Grants::alive().await;
    let server = &grants.server;
    let before = server.rows().everything();
    server.switch.set(Mode::Broken);
    for answer in grants.writing().await.iter().chain(&grants.reading().await) {
        assert_broken(answer);
    }
    for device in [&grants.waiting, &grants.approved] {
        assert_broken(&grants.poll(device).await);
    }
    assert_eq!(server.rows().everything(), before);
    grants.assert_unspent().await;
}

#[tokio::test]
async fn tok_13_a_panic_costs_one_request_and_nothing_else() {
    let grants = Grants::alive().await;
    let (server, client) = (&grants.server, &grants.client);
    let inner = Arc::clone(&server.switch) as _;
    let store = Arc::new(FaultyStore::new(inner, Fault::Panics));
    let node = server.node("panicking").store(Arc::clone(&store) as _);
    let node = node.start().await;
    let oauth: Oauth = node.oauth();
    let before = server.rows().everything();
    store.misbehave(true);
    for answer in [
        oauth.redeem(client, &grants.code).await,
        oauth.refresh(client, grants.tokens.refresh_token()).await,
        oauth.revoke(client, &grants.tokens.access).await,
        oauth.ask("/device_authorization", client, &[]).await,
    ] {
        assert_broken(&answer);
    }
    assert_eq!(server.rows().everything(), before);
    store.misbehave(false);
    tokens(&oauth.redeem(client, &grants.code).await);
    assert_eq!(server.rows().live_sessions(), 2);
}
