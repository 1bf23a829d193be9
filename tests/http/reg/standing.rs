//! Whether a caller is a client: secrets, ends, denials (REG-10..12).

use claviger_engine::admin;
use claviger_model::time::Lifetime;
use claviger_tests::{
    TestServer,
    aws::{Client, Tokens, authorize_query},
    browser::form,
    server::REDIRECT_URI,
};
use serde_json::json;

#[tokio::test]
async fn reg_10_a_secret_belongs_to_one_id_whole_and_unaltered() {
    let server = TestServer::start().await;
    let (one, other) = (server.aws().register().await, server.aws().register().await);
    let altered = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        let byte = bytes.get_mut(at).expect("a position");
        *byte = if *byte == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let mut pairs = vec![
        (one.id.clone(), other.secret.clone()),
        (other.id.clone(), one.secret.clone()),
    ];
    let (id, secret) = (&one.id, &one.secret);
    pairs.extend((0..secret.len()).map(|at| (id.clone(), altered(secret, at))));
    pairs.extend(
        (0..id.len())
            .step_by(7)
            .map(|at| (altered(id, at), secret.clone())),
    );
    pairs.extend([
        (id.clone(), format!("{secret}A")),
        (id.clone(), format!("{secret}=")),
        (id.clone(), secret[..secret.len() - 1].to_owned()),
        (id.clone(), secret.to_uppercase()),
        (id.clone(), id.clone()),
        (format!("{id}A"), secret.clone()),
        (id[..id.len() - 1].to_owned(), secret.clone()),
        (secret.clone(), id.clone()),
        ("nobody".to_owned(), secret.clone()),
    ]);
    let before = (server.switch.reads(), server.rows().everything());
    let mut bodies = Vec::new();
    for (id, secret) in pairs {
        let impostor = Client { id, secret };
        let start = impostor.with(json!({ "startUrl": server.aws().start_url() }));
        let token = impostor.with(json!({ "grantType": "refresh_token", "refreshToken": "x" }));
        for refused in [
            server.aws().start_device_with(start).await,
            server.aws().create_token(token).await,
        ] {
            refused.assert_error(401, "InvalidClientException");
            bodies.push(refused.text().to_owned());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "one body for all of them: {bodies:?}");
    assert_eq!(
        before,
        (server.switch.reads(), server.rows().everything()),
        "no store access"
    );
}

#[tokio::test]
async fn reg_11_an_expired_client_is_none() {
    let server = TestServer::builder()
        .policy(|policy| policy.client_lifetime = Lifetime::hours(1))
        .start()
        .await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let query = authorize_query(&client, REDIRECT_URI);
    server.clock.advance(3599);
    server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    browser.authorize(&query).await.assert_status(200);

    server.clock.advance(1);
    let before = server.rows().everything();
    let start = client.with(json!({ "startUrl": server.aws().start_url() }));
    server
        .aws()
        .start_device_with(start)
        .await
        .assert_error(401, "InvalidClientException");
    let refreshed = server.aws().refresh(&client, tokens.refresh_token()).await;
    refreshed.assert_error(401, "InvalidClientException");
    browser
        .authorize(&query)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.rows().live_sessions(), 1);
}

#[tokio::test]
async fn reg_12_a_denied_client_is_none_and_its_sessions_end() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let tokens = Tokens::of(&server.aws().redeem(&client, &code).await);
    let device = server.aws().start_device(&client).await;
    let other = server.signed_in_device().await;
    let mut browser = server.browser_of("alice").await;

    let ended = admin::client::deny(&server.context, &client.id, "stolen laptop").await;
    assert_eq!(ended.expect("a denial"), 1);
    assert_eq!(
        (server.rows().sessions(), server.rows().live_sessions()),
        (2, 1)
    );
    let before = server.rows().everything();
    let start = client.with(json!({ "startUrl": server.aws().start_url() }));
    for refused in [
        server.aws().start_device_with(start).await,
        server.aws().poll(&client, &device).await,
        server.aws().refresh(&client, tokens.refresh_token()).await,
    ] {
        refused.assert_error(401, "InvalidClientException");
    }
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    page.assert_error_page(400, REDIRECT_URI);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
    assert_eq!(server.rows().everything(), before);
    server
        .aws()
        .list_accounts(&other.tokens.access)
        .await
        .assert_status(200);

    admin::client::allow(&server.context, &client.id)
        .await
        .expect("allowed again");
    server.aws().start_device(&client).await;
    let refused = server.aws().refresh(&client, tokens.refresh_token()).await;
    refused.assert_error(400, "InvalidGrantException");
}

#[tokio::test]
async fn reg_12_a_consent_form_of_a_client_denied_meanwhile_gives_no_code() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    admin::client::deny(&server.context, &client.id, "test")
        .await
        .expect("a denial");
    let sent = form(&page, "/authorize").press("Allow");
    browser
        .submit(&sent)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);
}
