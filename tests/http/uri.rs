//! Redirect URIs (URI): literal comparison, free loopback ports, and never an open redirector.

use claviger_tests::{
    TestServer,
    aws::{Client, Code, Tokens, authorize_query, client, redemption},
    browser::Browser,
    http::{Response, parameter},
    pkce,
};
use serde_json::json;

const LOOPBACK: &str = "http://127.0.0.1/oauth/callback";

/// A server that lets clients register at an https origin, a client there, and alice's browser.
async fn with_https_client() -> (TestServer, Client, Browser) {
    let server = TestServer::builder()
        .policy(|policy| policy.allowed_origins = vec!["https://app.example".to_owned()])
        .start()
        .await;
    let client = server
        .aws()
        .register_for_codes("https://app.example/cb")
        .await;
    let browser = server.browser_of("alice").await;
    (server, client, browser)
}

async fn authorize(browser: &mut Browser, client: &Client, redirect_uri: &str) -> Response {
    browser
        .authorize(&authorize_query(client, redirect_uri))
        .await
}

#[tokio::test]
async fn uri_01_an_https_uri_is_compared_byte_for_byte() {
    let (server, client, mut browser) = with_https_client().await;
    authorize(&mut browser, &client, "https://app.example/cb")
        .await
        .assert_status(200);
    for other in [
        "https://app.example/CB",
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb?",
        "https://app.example/cb#",
        "https://app.example/%63b",
        "https://app.example%2Fcb",
        "https://app.example/./cb",
        "https://app.example/x/../cb",
        "https://app.example/cb;a",
        "https://app.example:443/cb",
        "https://APP.example/cb",
        "https://app.example.evil/cb",
        "https://app.example@evil/cb",
        "https://app.example\\@evil/cb",
        "http://app.example/cb",
        " https://app.example/cb",
        "https://app.example/cb\n",
    ] {
        authorize(&mut browser, &client, other)
            .await
            .assert_error_page(400, other.trim());
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn uri_02_a_loopback_port_is_free_and_the_code_is_bound_to_it() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let mut browser = server.browser_of("alice").await;
    for port in [49152, 1, 65535] {
        let used = format!("http://127.0.0.1:{port}/oauth/callback");
        let page = authorize(&mut browser, &client, &used).await;
        let back = browser.consent(&page, "Allow").await;
        let location = back.header("location").expect("a way back");
        assert!(location.starts_with(&format!("{used}?code=")), "{location}");
        let code = Code {
            code: parameter(location, "code").expect("a code"),
            redirect_uri: used,
            verifier: pkce::VERIFIER.to_owned(),
        };
        for wrong in [LOOPBACK, "http://127.0.0.1:2/oauth/callback"] {
            let elsewhere = Code {
                redirect_uri: wrong.to_owned(),
                ..code.clone()
            };
            let refused = server.aws().redeem(&client, &elsewhere).await;
            refused.assert_error(400, "InvalidGrantException");
        }
        Tokens::of(&server.aws().redeem(&client, &code).await);
    }
}

#[tokio::test]
async fn uri_03_everything_but_the_port_of_a_loopback_uri_is_literal() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let mut browser = server.browser_of("alice").await;
    for other in [
        "http://127.0.0.1:81/other",
        "http://127.0.0.1:81/oauth/callback/",
        "http://127.0.0.1:81/oauth/Callback",
        "http://127.0.0.1:81/oauth/callback?x=1",
        "https://127.0.0.1:81/oauth/callback",
        "http://localhost:81/oauth/callback",
        "http://[::1]:81/oauth/callback",
        "http://127.0.0.2:81/oauth/callback",
    ] {
        authorize(&mut browser, &client, other)
            .await
            .assert_error_page(400, other);
    }
    assert_eq!(server.rows().codes(), 0);
}

/// Odd spellings of the loopback address, and odd ports.
const ODD: [&str; 13] = [
    "http://127.1/oauth/callback",
    "http://2130706433/oauth/callback",
    "http://0x7f.0.0.1/oauth/callback",
    "http://[::ffff:127.0.0.1]/oauth/callback",
    "http://127.0.0.1./oauth/callback",
    "http://127.0.0.1%00/oauth/callback",
    "http://[0:0:0:0:0:0:0:1]/oauth/callback",
    "http://127.0.0.1:0/oauth/callback",
    "http://127.0.0.1:65536/oauth/callback",
    "http://127.0.0.1:080/oauth/callback",
    "http://127.0.0.1:/oauth/callback",
    "http://127.0.0.1:+80/oauth/callback",
    "http://LOCALHOST/oauth/callback",
];

#[tokio::test]
async fn uri_04_odd_spellings_of_loopback_are_refused_at_both_ends() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let mut browser = server.browser_of("alice").await;
    for odd in ODD.iter().take(7).chain(ODD.last()) {
        let refused = server
            .aws()
            .register_with(server.aws().code_client(&[odd]))
            .await;
        refused.assert_error(400, "InvalidRedirectUriException");
        authorize(&mut browser, &client, odd)
            .await
            .assert_error_page(400, odd);
    }
}

#[tokio::test]
async fn uri_05_odd_ports_are_refused_at_both_ends() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let mut browser = server.browser_of("alice").await;
    for odd in ODD.iter().skip(7).take(5) {
        let refused = server
            .aws()
            .register_with(server.aws().code_client(&[odd]))
            .await;
        refused.assert_error(400, "InvalidRedirectUriException");
        authorize(&mut browser, &client, odd)
            .await
            .assert_error_page(400, odd);
    }
}

#[tokio::test]
async fn uri_06_a_redirect_uri_is_never_inferred() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let mut browser = server.browser_of("alice").await;
    let sound = authorize_query(&client, LOOPBACK);
    browser.authorize(&sound).await.assert_status(200);
    let mut missing = sound.clone();
    missing.retain(|(name, _)| name != "redirect_uri");
    let given = |value: &str| ("redirect_uri".to_owned(), value.to_owned());
    let empty = [missing.clone(), vec![given("")]].concat();
    let twice = [sound.clone(), vec![given(LOOPBACK)]].concat();
    let two = [sound, vec![given("http://127.0.0.1:7/oauth/callback")]].concat();
    for query in [missing, empty, twice, two] {
        browser
            .authorize(&query)
            .await
            .assert_error_page(400, LOOPBACK);
    }
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn uri_07_a_code_is_redeemed_with_the_redirect_uri_it_was_made_for() {
    let server = TestServer::start().await;
    let (client, code) = server.code().await;
    let mut body = redemption(&code);
    let members = body.as_object_mut().expect("an object");
    members.insert("redirectUri".to_owned(), json!(""));
    let refused = server.aws().create_token(client.with(body.clone())).await;
    refused.assert_error(400, "InvalidRequestException");
    assert_eq!(server.rows().code_failures(), 1);
    let other_client = server.aws().register_for_codes(LOOPBACK).await;
    let refused = server.aws().create_token(other_client.with(body)).await;
    refused.assert_error(400, "InvalidRequestException");
    let before = server.rows().code_failures();
    assert_eq!(before, 1, "no failure of somebody else's code");

    for (number, other) in (1..).zip([
        "http://127.0.0.1/oauth/callback",
        "http://127.0.0.1:49152/oauth/callback/",
    ]) {
        let elsewhere = Code {
            redirect_uri: other.to_owned(),
            ..code.clone()
        };
        let refused = server.aws().redeem(&client, &elsewhere).await;
        refused.assert_error(400, "InvalidGrantException");
        assert_eq!(server.rows().code_failures(), before + number);
    }
    assert_eq!(server.rows().sessions(), 0);
    Tokens::of(&server.aws().redeem(&client, &code).await);
}

#[tokio::test]
async fn uri_08_without_a_good_client_and_redirect_uri_nothing_leads_away() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(LOOPBACK).await;
    let other = server
        .aws()
        .register_for_codes("http://127.0.0.1/other")
        .await;
    let evil = "https://evil.example/steal";
    for mut browser in [server.browser(), server.browser_of("alice").await] {
        for (id, redirect_uri) in [
            (client.id.as_str(), evil),
            ("nobody", LOOPBACK),
            ("nobody", evil),
            ("", LOOPBACK),
            (other.id.as_str(), LOOPBACK),
            (client.secret.as_str(), LOOPBACK),
        ] {
            let query = [
                ("response_type", "token"),
                ("client_id", id),
                ("redirect_uri", redirect_uri),
                ("state", evil),
                ("request_uri", evil),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let page = browser.authorize(&query).await;
            page.assert_error_page(400, redirect_uri);
            assert!(!page.text().contains("evil.example"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_code_client_needs_an_issuer_url_that_names_this_instance() {
    let server = TestServer::start().await;
    for issuer in [
        json!(null),
        json!("https://other.example/start"),
        json!("nonsense"),
    ] {
        let mut body = server.aws().code_client(&[LOOPBACK]);
        body.as_object_mut()
            .expect("an object")
            .insert("issuerUrl".to_owned(), issuer);
        let refused = server.aws().register_with(body).await;
        refused.assert_error(400, "InvalidRequestException");
    }
    for alias in [
        "https://corp.awsapps.com/start",
        "https://corp.awsapps.com/start/#/",
    ] {
        let mut body = server.aws().code_client(&[LOOPBACK]);
        body.as_object_mut()
            .expect("an object")
            .insert("issuerUrl".to_owned(), json!(alias));
        client(&server.aws().register_with(body).await);
    }
}
