//! The authorization endpoint as OpenID Connect Core §3.1.2 wants it: what a request may say, what a person is asked, and
//! how the client is answered. How people are asked anew is in `prompt`.

use claviger_tests::{
    TestServer,
    aws::Client,
    browser::{Browser, form},
    http::{Request, Response, parameter},
    oauth::tokens,
    server::{REDIRECT_URI, password_of},
};
use serde_json::json;

use super::{
    openid::{EVERYTHING, asking, claims, code_in, now, registered, userinfo},
    prompt::{assert_consent, assert_sign_in},
};

/// A server, a client that may ask for all claims, and a browser at which alice is signed in.
async fn scene() -> (TestServer, Client, Browser) {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let browser = server.browser_of("alice").await;
    (server, client, browser)
}

/// A sound request with one parameter left out, and set anew where there is a value.
fn altered(client: &Client, name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let mut query = asking(client, "openid", &[]);
    query.retain(|(own, _)| own != name);
    query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    query
}

/// The names of the parameters in the query of an address.
fn names(address: &str) -> Vec<&str> {
    let (_, query) = address.split_once('?').expect("a query");
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut names: Vec<&str> = pairs.map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn core_3_1_2_1_what_is_required_is_required() {
    let (server, client, mut browser) = scene().await;
    for absent in [None, Some("")] {
        for name in ["client_id", "redirect_uri"] {
            let page = browser.authorize(&altered(&client, name, absent)).await;
            page.assert_error_page(400, REDIRECT_URI);
        }
        let query = altered(&client, "response_type", absent);
        let back = browser.authorize(&query).await;
        back.assert_sent_back(REDIRECT_URI, "unsupported_response_type");
    }
    assert_eq!(server.rows().codes(), 0);
}

/// But for its port, which an app on the own machine is given by chance (RFC 8252 §7.3).
#[tokio::test]
async fn core_3_1_2_1_a_redirect_uri_is_one_that_was_registered_letter_by_letter() {
    let (server, client, mut browser) = scene().await;
    for other in [
        "http://127.0.0.1:49152/oauth/callback/",
        "http://127.0.0.1:49152/oauth/Callback",
        "http://127.0.0.1:49152/oauth/%63allback",
        "http://127.0.0.1:49152/oauth/../oauth/callback",
        "http://127.0.0.1:49152/oauth/callback?more=1",
        "http://127.0.0.1:49152/oauth/callback#more",
        "http://alice@127.0.0.1:49152/oauth/callback",
        "http://localhost:49152/oauth/callback",
        "https://127.0.0.1:49152/oauth/callback",
        "http://evil.example/oauth/callback",
    ] {
        let query = altered(&client, "redirect_uri", Some(other));
        let page = browser.authorize(&query).await;
        page.assert_error_page(400, other);
    }
    assert_eq!(server.rows().codes(), 0);
}

/// Longer ones are refused, which the section leaves to us.
#[tokio::test]
async fn aut_24_core_3_1_2_1_a_nonce_comes_back_unmodified() {
    let (server, client, mut browser) = scene().await;
    let longest = "n".repeat(256);
    for nonce in [&longest, "a+b%20c \"<>&=#\\ ä\u{1F511}", " ", "0"] {
        let query = asking(&client, "openid", &[("nonce", nonce)]);
        let page = browser.authorize(&query).await;
        let code = code_in(&browser.consent(&page, "Allow").await);
        let answer = server.oauth().redeem(&client, &code).await;
        let claims = claims(&server, &client, &answer).await;
        assert_eq!(claims["nonce"], json!(nonce));
    }
    let longer = "n".repeat(257);
    let query = asking(&client, "openid", &[("nonce", &longer)]);
    let back = browser.authorize(&query).await;
    back.assert_sent_back(REDIRECT_URI, "invalid_request");
}

/// `auth_time` is there whether it was asked for by `max_age` or not.
#[tokio::test]
async fn aut_20_core_3_1_2_1_a_sign_in_anew_is_told_in_auth_time() {
    let (server, client, mut browser) = scene().await;
    let mut signed_in_at = now(&server);
    for (name, value, anew) in [
        ("prompt", "consent", false),
        ("max_age", "3600", false),
        ("max_age", "59", true),
        ("max_age", "0", true),
        ("prompt", "login", true),
    ] {
        server.clock.advance(60);
        let query = asking(&client, "openid", &[(name, value)]);
        let mut page = browser.authorize(&query).await;
        if anew {
            assert_sign_in(&page);
            signed_in_at = now(&server);
            let password = password_of("alice");
            let done = browser.sign_in_at(&page, "alice", password).await;
            server.clock.advance(3);
            page = browser.follow(&done).await;
        }
        let code = code_in(&browser.consent(&page, "Allow").await);
        let answer = server.oauth().redeem(&client, &code).await;
        let claims = claims(&server, &client, &answer).await;
        assert_eq!(claims["auth_time"], json!(signed_in_at), "{name}={value}");
    }
}

/// §15.1 lets nobody answer wishes with an error, §3.1.2.2 leaves aside what is not known.
#[tokio::test]
async fn core_3_1_2_1_core_3_1_2_2_wishes_are_no_errors_and_the_unknown_is_left_aside() {
    let (_server, client, mut browser) = scene().await;
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("display", "touch"),
        ("display", "wap"),
        ("ui_locales", "tlh fr-CA de"),
        ("claims_locales", "tlh fr-CA de"),
        ("login_hint", "bob"),
        ("acr_values", "urn:mace:incommon:iap:silver 2"),
    ] {
        let query = asking(&client, "openid", &[(name, value)]);
        assert_consent(&browser.authorize(&query).await);
    }
    let more = [
        ("resource", "https://api.example"),
        ("x", "1"),
        ("code", "2"),
    ];
    let page = browser.authorize(&asking(&client, "openid", &more)).await;
    assert_consent(&page);
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    assert_eq!(names(location), ["code", "iss", "state"], "{back}");
    assert_ne!(parameter(location, "code").as_deref(), Some("2"));
}

/// An application's own page may send the request as a form, from its own origin and so without our cookies.
#[tokio::test]
async fn core_3_1_2_1_a_request_may_be_posted_and_nothing_is_decided_by_it() {
    let (server, client, mut browser) = scene().await;
    let posted = |query: &[(String, String)]| {
        Request::post("/authorize")
            .header("Origin", "https://app.example")
            .header("Sec-Fetch-Site", "cross-site")
            .form(query)
    };
    let query = altered(&client, "state", Some("a b&c=d%"));
    let moved = server.browser().send(posted(&query)).await;
    moved.assert_status(303);
    let page = browser.follow(&moved).await;
    assert_consent(&page);
    let back = browser.consent(&page, "Allow").await;
    let location = back.header("location").expect("a way back");
    assert_eq!(parameter(location, "state").as_deref(), Some("a b&c=d%"));
    // A decision that names a client besides is none.
    let page = browser.authorize(&query).await;
    let mut fields = form(&page, "/authorize").press("Allow").fields;
    fields.push(("client_id".to_owned(), client.id.clone()));
    fields.retain(|(name, _)| name != "token");
    let codes = server.rows().codes();
    let moved = browser.send(posted(&fields)).await;
    moved.assert_status(303);
    let page = browser.follow(&moved).await;
    page.assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), codes);
}

/// §3.1.2.2: a hint is a token of ours, and nobody else's are given than those of whom it names.
#[tokio::test]
async fn core_3_1_2_2_a_hint_says_who_they_must_be() {
    let (server, client, mut alice) = scene().await;
    let mut bob = server.browser_of("bob").await;
    let mut tokens = Vec::new();
    for browser in [&mut alice, &mut bob] {
        let page = browser.authorize(&asking(&client, "openid", &[])).await;
        let code = code_in(&browser.consent(&page, "Allow").await);
        let answer = server.oauth().redeem(&client, &code).await;
        tokens.push(answer.member("id_token"));
    }
    let hint = |token: &str, more: &[(&str, &str)]| {
        let more = [&[("id_token_hint", token)], more].concat();
        asking(&client, "openid", &more)
    };
    // However old it is.
    server.clock.advance(2 * 3_600);
    let mut alice = server.browser_of("alice").await;
    assert_consent(&alice.authorize(&hint(&tokens[0], &[])).await);
    let back = alice
        .authorize(&hint(&tokens[1], &[("prompt", "none")]))
        .await;
    back.assert_sent_back(REDIRECT_URI, "login_required");
    let page = alice.authorize(&hint(&tokens[1], &[])).await;
    assert_sign_in(&page);
    let done = alice.sign_in_at(&page, "alice", password_of("alice")).await;
    let page = alice.follow(&done).await;
    assert_sign_in(&page);
    let done = alice.sign_in_at(&page, "bob", password_of("bob")).await;
    assert_consent(&alice.follow(&done).await);
    let mut altered = tokens[1].clone();
    altered.replace_range(80..81, if &altered[80..81] == "A" { "B" } else { "A" });
    // Nor is what targets are sent.
    let of_a_target = crate::web_identity::token(&server);
    for none in [
        "garbage",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        &altered,
        &of_a_target,
    ] {
        let back = alice.authorize(&hint(none, &[])).await;
        back.assert_sent_back(REDIRECT_URI, "invalid_request");
    }
}

#[tokio::test]
async fn aut_21_core_3_1_2_3_who_is_not_signed_in_signs_in_and_is_asked_then() {
    let (server, client, _) = scene().await;
    let mut browser = server.browser();
    let page = browser.authorize(&asking(&client, EVERYTHING, &[])).await;
    assert_sign_in(&page);
    let wrong = browser.sign_in_at(&page, "bob", "not it").await;
    assert_eq!(browser.cookie("session"), None, "{wrong}");
    let done = browser.sign_in_at(&page, "bob", password_of("bob")).await;
    let page = browser.follow(&done).await;
    assert_consent(&page);
    let code = code_in(&browser.consent(&page, "Allow").await);
    let answer = server.oauth().redeem(&client, &code).await;
    let claims = claims(&server, &client, &answer).await;
    assert_eq!(claims["preferred_username"], json!("bob"));
    let told = userinfo(&server, &tokens(&answer).access).await;
    assert_eq!(told.json()["sub"], claims["sub"]);
}

/// Forged requests and frames: the measures of AUT-16, SGN-17 and HDR-02 hold the page that such a request leads to.
#[tokio::test]
async fn sgn_17_core_3_1_2_3_no_other_site_decides_for_a_person() {
    let (server, client, mut browser) = scene().await;
    let page = browser.authorize(&asking(&client, "openid", &[])).await;
    assert_consent(&page);
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'"), "{page}");
    let yes = form(&page, "/authorize").press("Allow");
    let foreign = Request::post("/authorize")
        .header("Origin", "https://evil.example")
        .form(&yes.fields);
    browser
        .send(foreign)
        .await
        .assert_error_page(403, REDIRECT_URI);
    let bare = yes.clone().without("token");
    let refused = browser.submit(&bare).await;
    refused.assert_error_page(403, REDIRECT_URI);
    let another = yes.fill("token", &"A".repeat(43));
    let refused = browser.submit(&another).await;
    refused.assert_error_page(403, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);
}

#[tokio::test]
async fn aut_21_core_3_1_2_4_nothing_is_given_without_a_yes() {
    let (server, client, mut browser) = scene().await;
    let query = asking(&client, "openid", &[]);
    // Whoever said yes once has said it of that request.
    let page = browser.authorize(&query).await;
    browser.consent(&page, "Allow").await.assert_status(303);
    let page = browser.authorize(&query).await;
    assert_consent(&page);
    let no = browser.consent(&page, "Deny").await;
    no.assert_sent_back(REDIRECT_URI, "access_denied");
    let silent = form(&page, "/authorize");
    let back = browser.submit(&silent).await;
    back.assert_sent_back(REDIRECT_URI, "access_denied");
    assert_eq!(server.rows().codes(), 1);
}

#[tokio::test]
async fn aut_14_15_23_core_3_1_2_5_the_answer_is_a_code_in_the_query() {
    let (_server, client, mut browser) = scene().await;
    let nasty = "%0d%0a\r\nSet-Cookie: a=b\r\n\"'<script>&code=evil#+ä%2B";
    for state in [Some("state-of-the-kit"), Some(nasty), None] {
        let query = altered(&client, "state", state);
        let page = browser.authorize(&query).await;
        let back = browser.consent(&page, "Allow").await;
        back.assert_status(303);
        let location = back.header("location").expect("a way back");
        assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{back}");
        assert!(!location.contains('#'), "{back}");
        let expected: &[&str] = match state {
            Some(_) => &["code", "iss", "state"],
            None => &["code", "iss"],
        };
        assert_eq!(names(location), expected, "{back}");
        assert_eq!(parameter(location, "state").as_deref(), state);
    }
}

#[track_caller]
fn assert_told(back: &Response, issuer: &str, error: &str) {
    back.assert_sent_back(REDIRECT_URI, error);
    let location = back.header("location").unwrap_or_default();
    let expected = ["error", "error_description", "iss", "state"];
    assert_eq!(names(location), expected, "{back}");
    let state = parameter(location, "state");
    assert_eq!(state.as_deref(), Some("state-of-the-kit"), "{back}");
    assert_eq!(parameter(location, "iss").as_deref(), Some(issuer));
    assert!(!location.contains('#'), "{back}");
}

/// Whoever asks silently is told so as well (`prompt`); a redirect URI that is wrong is told to nobody but the person.
#[tokio::test]
async fn aut_02_03_11_12_13_14_22_core_3_1_2_6_what_is_wrong_is_told_where_the_answer_would_go() {
    let (server, client, mut browser) = scene().await;
    let issuer = server.context.links.issuer();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        (
            "response_type",
            "code id_token",
            "unsupported_response_type",
        ),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "openid offline_access", "invalid_scope"),
        ("scopes", "openid", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "none", "consent_required"),
        ("max_age", "-1", "invalid_request"),
        (
            "request",
            "eyJhbGciOiJub25lIn0.e30.",
            "request_not_supported",
        ),
        (
            "request_uri",
            "https://evil.example/",
            "request_uri_not_supported",
        ),
    ] {
        let back = browser
            .authorize(&altered(&client, name, Some(value)))
            .await;
        assert_told(&back, issuer, error);
    }
    let twice = asking(&client, "openid", &[("nonce", "a"), ("nonce", "a")]);
    let back = browser.authorize(&twice).await;
    assert_told(&back, issuer, "invalid_request");
    let page = browser.authorize(&asking(&client, "openid", &[])).await;
    let back = browser.consent(&page, "Deny").await;
    assert_told(&back, issuer, "access_denied");
    assert_eq!(server.rows().codes(), 0);
}
