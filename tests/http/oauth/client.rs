//! How clients show that they are themselves, and what they are told who do not.

use super::signed_in;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_tests::{
    TestServer,
    aws::{Client, Tokens},
    http::Request,
    oauth::{Shown, basic, tokens},
    server::REDIRECT_URI,
};

fn refreshing(tokens: &Tokens) -> [(&'static str, &str); 2] {
    [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token()),
    ]
}

#[tokio::test]
async fn tok_01_who_asks_without_a_name_is_no_client() {
    let (server, _, held) = signed_in().await;
    let before = server.rows().everything();
    for fields in [&refreshing(&held)[..], &[]] {
        let answer = server.oauth().post("/token", fields).await;
        answer.assert_oauth_error(401, "invalid_client");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Basic "), "{answer}");
    }
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn tok_02_a_secret_is_shown_once_and_well_formed() {
    let (server, client, held) = signed_in().await;
    let before = server.rows().everything();
    let form = |more: &[(&str, &str)]| {
        let fields = [&refreshing(&held)[..], more].concat();
        server.oauth().form("/token", &fields)
    };
    let good = basic(&client);
    let both = [
        form(&[("client_id", &client.id), ("client_secret", &client.secret)])
            .header("Authorization", &good),
        form(&[("client_secret", &client.secret)]).header("Authorization", &good),
        form(&[])
            .header("Authorization", &good)
            .header("Authorization", &good),
        form(&[("client_id", "another")]).header("Authorization", &good),
    ];
    for request in both {
        let answer = server.send(request).await;
        answer.assert_oauth_error(400, "invalid_request");
    }
    let malformed = [
        "Basic".to_owned(),
        "Basic !".to_owned(),
        format!("Basic {}", STANDARD.encode("no colon")),
        format!("Basic {}", STANDARD.encode([0xff, b':', 0xff])),
        format!("Bearer {}", held.access),
        format!("Digest {}", client.id),
    ];
    for header in malformed {
        let request = form(&[]).header("Authorization", header);
        let answer = server.send(request).await;
        answer.assert_oauth_error(401, "invalid_client");
    }
    assert_eq!(server.rows().everything(), before);
    // Its own id may stand in the body as well.
    let request = form(&[("client_id", &client.id)]).header("Authorization", &good);
    tokens(&server.send(request).await);
}

#[tokio::test]
async fn tok_03_who_does_not_show_its_own_secret_spends_nothing() {
    let (server, client, held) = signed_in().await;
    let oauth = server.oauth();
    let other = oauth.register(REDIRECT_URI).await;
    let public = oauth.register_public(REDIRECT_URI).await;
    let before = server.rows().everything();
    let wrong = |id: &Client, secret: &str| Client {
        id: id.id.clone(),
        secret: secret.to_owned(),
    };
    for (client, shown) in [
        (wrong(&client, &other.secret), Shown::Basic),
        (wrong(&client, &other.secret), Shown::Post),
        (wrong(&client, "x"), Shown::Basic),
        // Without the secret that it keeps,
        (wrong(&client, ""), Shown::Basic),
        (wrong(&client, ""), Shown::None),
        // or with one that it has not.
        (wrong(&public, &other.secret), Shown::Post),
        (wrong(&public, "x"), Shown::Basic),
    ] {
        for fields in [&refreshing(&held)[..], &[("grant_type", "password")]] {
            let answer = oauth.post_as("/token", &client, shown, fields).await;
            answer.assert_oauth_error(401, "invalid_client");
        }
    }
    assert_eq!(server.rows().everything(), before);
    tokens(&oauth.refresh(&client, held.refresh_token()).await);
}

#[tokio::test]
async fn rfc_6749_2_3_all_three_ways_of_showing_it_give_tokens() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let secret = oauth.register(REDIRECT_URI).await;
    let public = oauth.register_public(REDIRECT_URI).await;
    for (client, shown) in [
        (&secret, Shown::Basic),
        (&secret, Shown::Post),
        (&public, Shown::None),
    ] {
        let code = server.code_for(client).await;
        let fields = claviger_tests::oauth::redemption(&code);
        let answer = oauth.post_as("/token", client, shown, &fields).await;
        let held = tokens(&answer);
        let answer = oauth
            .post_as("/token", client, shown, &refreshing(&held))
            .await;
        assert_ne!(tokens(&answer).refresh, held.refresh);
    }
}

#[tokio::test]
async fn aut_01_everybody_needs_pkce_where_the_operator_says_nothing() {
    let server = TestServer::start().await;
    let oauth = server.oauth();
    let mut browser = server.browser_of("alice").await;
    for client in [
        oauth.register(REDIRECT_URI).await,
        oauth.register_public(REDIRECT_URI).await,
    ] {
        let mut query = claviger_tests::aws::authorize_query(&client, REDIRECT_URI);
        query.retain(|(name, _)| !name.starts_with("code_challenge"));
        let back = browser.authorize(&query).await;
        back.assert_sent_back(REDIRECT_URI, "invalid_request");
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_01_who_keeps_no_secret_needs_pkce_whatever_the_operator_says() {
    let server = TestServer::builder()
        .policy(|policy| policy.require_pkce = false)
        .start()
        .await;
    let oauth = server.oauth();
    let public = oauth.register_public(REDIRECT_URI).await;
    let secret = oauth.register(REDIRECT_URI).await;
    let mut browser = server.browser_of("alice").await;
    for (client, admitted) in [(&public, false), (&secret, true)] {
        let mut query = claviger_tests::aws::authorize_query(client, REDIRECT_URI);
        query.retain(|(name, _)| !name.starts_with("code_challenge"));
        let page = browser.authorize(&query).await;
        if admitted {
            page.assert_status(200);
        } else {
            page.assert_sent_back(REDIRECT_URI, "invalid_request");
        }
    }
}

#[tokio::test]
async fn tok_07_parameters_are_a_form_in_the_body_each_once() {
    let (server, client, held) = signed_in().await;
    let before = server.rows().everything();
    let fields = [
        ("client_id", client.id.as_str()),
        ("client_secret", &client.secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", held.refresh_token()),
    ];
    let owned = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = claviger_tests::http::encode_form(&owned);
    for path in ["/token", "/introspect", "/revoke", "/device_authorization"] {
        // In the address they would lie in logs.
        let empty: [(&str, &str); 0] = [];
        for body in [&fields[..], &empty] {
            let request = server.oauth().form(&format!("{path}?{text}"), body);
            let answer = server.send(request).await;
            answer.assert_oauth_error(400, "invalid_request");
        }
        let twice = [&fields[..], &[("client_id", client.id.as_str())]].concat();
        let answer = server.oauth().post(path, &twice).await;
        answer.assert_oauth_error(400, "invalid_request");
        let broken = Request::post(path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("client_id=%zz");
        let answer = server.send(broken).await;
        answer.assert_oauth_error(400, "invalid_request");
    }
    for path in ["/introspect", "/revoke"] {
        let json = Request::post(path).json(&serde_json::json!({ "token": held.access }));
        server
            .send(json)
            .await
            .assert_oauth_error(415, "invalid_request");
        let get = Request::get(path);
        server
            .send(get)
            .await
            .assert_oauth_error(405, "invalid_request");
    }
    assert_eq!(server.rows().everything(), before);
}
