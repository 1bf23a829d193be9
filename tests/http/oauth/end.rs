//! What a token is worth (RFC 7662), and its end (RFC 7009).

use super::signed_in;
use claviger_engine::{
    admin,
    token::{access, refresh},
};
use claviger_model::{port::clock::Clock as _, secret::SecretBytes};
use claviger_tests::{
    TestServer, aws::Client, driver::Mode, http::Response, oauth::tokens, server::REDIRECT_URI,
};
use serde_json::json;

#[track_caller]
fn assert_inactive(answer: &Response) {
    answer.assert_status(200);
    assert_eq!(answer.json(), json!({ "active": false }), "{answer}");
}

#[tokio::test]
async fn rfc_7662_a_client_is_told_what_its_access_token_is_worth() {
    let (server, client, held) = signed_in().await;
    let answer = server.oauth().introspect(&client, &held.access).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    let mut told = answer.json();
    let told = told.as_object_mut().expect("an object");
    let subject = told.remove("sub").expect("a subject");
    assert_eq!(subject.as_str().map(str::len), Some(32), "{answer}");
    let ends = told.remove("exp").and_then(|ends| ends.as_i64());
    assert_eq!(ends, Some(server.clock.now().epoch_seconds() + 3600));
    let expected = json!({
        "active": true,
        "iss": server.context.links.issuer(),
        "client_id": client.id,
        "scope": "sso:account:access",
        "token_type": "Bearer",
    });
    assert_eq!(serde_json::Value::Object(told.clone()), expected);
}

#[tokio::test]
async fn met_02_only_the_client_itself_is_told() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let before = server.rows().everything();
    let other = oauth.register(REDIRECT_URI).await;
    assert_inactive(&oauth.introspect(&other, &held.access).await);
    let public = oauth.register_public(REDIRECT_URI).await;
    let wrong = Client {
        id: client.id.clone(),
        secret: other.secret,
    };
    let nameless = Client {
        id: client.id.clone(),
        secret: String::new(),
    };
    for client in [public, wrong, nameless] {
        let answer = oauth.introspect(&client, &held.access).await;
        answer.assert_oauth_error(401, "invalid_client");
    }
    let answer = oauth.post("/introspect", &[("token", &held.access)]).await;
    answer.assert_oauth_error(401, "invalid_client");
    assert_eq!(server.rows().everything(), before);
}

/// Clients, people and sessions that have ended, at every endpoint where a token is shown.
#[tokio::test]
async fn reg_11_reg_12_met_03_whatever_has_ended_has_ended_here() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let refreshing = async || oauth.refresh(&client, held.refresh_token()).await;
    let look = async || oauth.introspect(&client, &held.access).await;
    look().await.assert_status(200);
    admin::user::disable(&server.context, "alice")
        .await
        .expect("disabled");
    assert_inactive(&look().await);
    refreshing().await.assert_oauth_error(400, "invalid_grant");
    admin::user::enable(&server.context, "alice")
        .await
        .expect("enabled");
    // Their epoch has risen: what they held is over.
    assert_inactive(&look().await);
    refreshing().await.assert_oauth_error(400, "invalid_grant");
    let denied = "it was seen to lie";
    admin::client::deny(&server.context, &client.id, denied)
        .await
        .expect("denied");
    for answer in [
        look().await,
        refreshing().await,
        oauth.revoke(&client, &held.access).await,
    ] {
        answer.assert_oauth_error(401, "invalid_client");
    }
    let public = oauth.register_public(REDIRECT_URI).await;
    server.clock.advance(91 * 24 * 3600);
    for answer in [
        oauth.refresh(&public, held.refresh_token()).await,
        oauth.revoke(&public, &held.access).await,
        oauth.ask("/device_authorization", &public, &[]).await,
    ] {
        answer.assert_oauth_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn met_03_what_is_worth_nothing_is_told_alike() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    for token in ["x", "cva1.AAAA", &client.id, &client.secret] {
        assert_inactive(&oauth.introspect(&client, token).await);
    }
    let answer = oauth.introspect(&client, "").await;
    answer.assert_oauth_error(400, "invalid_request");
    server.clock.advance(3600);
    assert_inactive(&oauth.introspect(&client, &held.access).await);
    let next = tokens(&oauth.refresh(&client, held.refresh_token()).await);
    oauth
        .introspect(&client, &next.access)
        .await
        .assert_status(200);
    server.aws().logout(&next.access).await.assert_status(200);
    assert_inactive(&oauth.introspect(&client, &next.access).await);
}

#[tokio::test]
async fn ref_16_introspection_tells_nothing_of_refresh_tokens() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let next = tokens(&oauth.refresh(&client, held.refresh_token()).await);
    for token in [held.refresh_token(), next.refresh_token()] {
        assert_inactive(&oauth.introspect(&client, token).await);
    }
    // The old access token is worth what it was.
    let answer = oauth.introspect(&client, &held.access).await;
    assert_eq!(answer.json()["active"], json!(true), "{answer}");
}

#[tokio::test]
async fn a_token_that_was_told_active_was_used() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let next = tokens(&oauth.refresh(&client, held.refresh_token()).await);
    oauth
        .introspect(&client, &next.access)
        .await
        .assert_status(200);
    // So the answer to the refresh has arrived, and the old token is no retry of it.
    server.clock.advance(300);
    let answer = oauth.refresh(&client, held.refresh_token()).await;
    answer.assert_oauth_error(400, "invalid_grant");
    assert_eq!(server.rows().end_reason(), "refresh_reuse");
}

#[tokio::test]
async fn met_04_every_token_of_a_session_ends_it() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    for public in [false, true] {
        let client = if public {
            oauth.register_public(REDIRECT_URI).await
        } else {
            oauth.register(REDIRECT_URI).await
        };
        for (which, hint) in [
            ("access", "refresh_token"),
            ("refresh", "access_token"),
            ("superseded", "nonsense"),
        ] {
            let code = server.code_for(&client).await;
            let first = tokens(&oauth.redeem(&client, &code).await);
            let next = tokens(&oauth.refresh(&client, first.refresh_token()).await);
            let token = match which {
                "access" => &next.access,
                "refresh" => next.refresh_token(),
                _ => first.refresh_token(),
            };
            let live = server.rows().live_sessions();
            let fields = [("token", token), ("token_type_hint", hint)];
            let answer = oauth.ask("/revoke", &client, &fields).await;
            answer.assert_status(200);
            assert_eq!(server.rows().live_sessions(), live - 1, "{which}");
            let answer = oauth.refresh(&client, next.refresh_token()).await;
            answer.assert_oauth_error(400, "invalid_grant");
            let answer = server.aws().list_accounts(&next.access).await;
            answer.assert_error(401, "UnauthorizedException");
            // Once more is as good.
            oauth.revoke(&client, token).await.assert_status(200);
        }
    }
    assert_eq!(server.rows().recorded("session.end"), 6);
    let reasons = "SELECT DISTINCT end_reason FROM sessions WHERE end_reason IS NOT NULL";
    assert_eq!(server.rows().only_text(reasons), "revocation");
    let answer = oauth.register(REDIRECT_URI).await;
    oauth.revoke(&answer, "nonsense").await.assert_status(200);
}

#[tokio::test]
async fn met_05_nobody_ends_what_is_anothers() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let other = oauth.register(REDIRECT_URI).await;
    let before = server.rows().everything();
    for token in [&held.access, held.refresh_token()] {
        oauth.revoke(&other, token).await.assert_status(200);
        let wrong = Client {
            id: client.id.clone(),
            secret: other.secret.clone(),
        };
        let answer = oauth.revoke(&wrong, token).await;
        answer.assert_oauth_error(401, "invalid_client");
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&oauth.refresh(&client, held.refresh_token()).await);
}

/// Whoever has stolen the keys, and not the store, has one of two locks.
#[tokio::test]
async fn met_05_a_token_made_by_the_keys_alone_ends_nothing() {
    let (server, client, held) = signed_in().await;
    let keys = &server.context.keys;
    let claims = access::read(keys, &held.access).expect("a token").claims;
    let (active, wrong) = (keys.active(), SecretBytes::new([7; 32]));
    let before = server.rows().everything();
    for forged in [
        access::mint(&active, &wrong, &claims),
        refresh::mint(&active, &wrong, claims.session_id, claims.generation),
    ] {
        let answer = server.oauth().revoke(&client, forged.reveal()).await;
        answer.assert_status(200);
        assert_inactive(&server.oauth().introspect(&client, forged.reveal()).await);
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn met_06_a_revocation_that_is_not_written_is_no_success() {
    let (server, client, held) = signed_in().await;
    for mode in [Mode::ReadOnly, Mode::Away] {
        server.switch.set(mode);
        let answer = server.oauth().revoke(&client, &held.access).await;
        answer.assert_oauth_error(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer}");
        server.switch.set(Mode::Working);
    }
    assert_eq!(server.rows().live_sessions(), 1);
    server
        .oauth()
        .revoke(&client, &held.access)
        .await
        .assert_status(200);
    assert_eq!(server.rows().live_sessions(), 0);
}
