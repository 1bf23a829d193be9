//! Other sites: they can send nobody in, nobody out, and nobody away.

use claviger_tests::{
    TestServer,
    browser::{form, query},
    html::Form,
    http::{Request, Response},
};

/// The form as a page of another site would send it.
fn foreign(form: &Form, origin: &str, site: &str) -> Request {
    Request::post(&form.action)
        .header("Origin", origin)
        .header("Sec-Fetch-Site", site)
        .form(&form.fields)
}

#[tokio::test]
async fn sgn_17_forms_of_other_sites_sign_nobody_in_or_out() {
    let server = TestServer::start().await;
    let own = server.context.links.issuer().to_owned();
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let enter = form(&page, "/sign-in")
        .fill("user_name", "bob")
        .fill("password", "battery staple");
    let mut alice = server.browser_of("alice").await;
    let page = alice.get("/sign-out").await;
    let leave = form(&page, "/sign-out");
    let before = server.rows().everything();
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("https://evil.example", "same-origin"),
        ("null", "cross-site"),
        ("null", "same-origin"),
        (own.as_str(), "cross-site"),
        (own.as_str(), "same-site"),
        (&own.to_uppercase(), "same-origin"),
        (&format!("{own}.evil.example"), "same-origin"),
        (&own.replace("http://", "https://"), "same-origin"),
        ("", "same-origin"),
    ] {
        let refused = browser.send(foreign(&enter, origin, site)).await;
        refused.assert_error_page(403, "");
        assert_eq!(refused.values("set-cookie"), Vec::<&str>::new());
        let refused = alice.send(foreign(&leave, origin, site)).await;
        refused.assert_error_page(403, "");
    }
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.hasher.checks(), 1);
    assert_eq!(alice.get("/start").await.status, 200);
}

#[tokio::test]
async fn sgn_17_a_sign_out_needs_the_token_of_its_own_sign_in() {
    let server = TestServer::start().await;
    let mut alice = server.browser_of("alice").await;
    let mut bob = server.browser_of("bob").await;
    let page = bob.get("/sign-out").await;
    let of_bob = form(&page, "/sign-out");
    for bad in [
        of_bob.clone(),
        of_bob.clone().without("token"),
        of_bob.fill("token", ""),
    ] {
        alice.submit(&bad).await.assert_error_page(403, "");
    }
    // A link signs nobody out.
    alice.get("/sign-out").await.assert_status(200);
    assert_eq!(alice.get("/start").await.status, 200);
    assert_eq!(server.rows().recorded("sign_out"), 0);
}

/// Where a person who opens `/sign-in?next=…` stands after signing in.
async fn lands(server: &TestServer, next: &str) -> Response {
    let mut browser = server.browser();
    let page = browser.get(&format!("/sign-in?{next}")).await;
    page.assert_status(200);
    browser.sign_in_at(&page, "alice", "correct horse").await
}

#[tokio::test]
async fn sgn_20_a_sign_in_leads_to_our_own_pages_alone() {
    let server = TestServer::start().await;
    for next in [
        "//evil",
        "//evil.example/start",
        "/\\evil",
        "\\\\evil",
        "/\t/evil",
        "/%09/evil",
        "https:evil",
        "https://evil.example",
        "http:/evil",
        "javascript:alert(1)",
        "/start/../../evil",
        "/start#//evil",
        "/start\r\nLocation: https://evil.example",
        "/sign-out",
        "/device/approve",
        "evil",
        "@evil",
        "/.evil",
        "",
    ] {
        let landed = lands(&server, &query("next", next)).await;
        landed.assert_status(303);
        assert_eq!(landed.header("location"), Some("/start"), "{next:?}");
    }
    for raw in ["next=/start&next=//evil", "next=%", "next=%ff", "next"] {
        let landed = lands(&server, raw).await;
        assert_eq!(landed.header("location"), Some("/start"), "{raw}");
    }
    for next in [
        "/device",
        "/device?user_code=BCDF-GHJK",
        "/sessions",
        "/start?q=a%20b",
    ] {
        let landed = lands(&server, &query("next", next)).await;
        assert_eq!(landed.header("location"), Some(next));
    }
}

#[tokio::test]
async fn sgn_20_whoever_is_signed_in_already_is_led_no_further() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    for next in ["//evil", "https://evil.example", "/\\evil"] {
        let landed = browser
            .get(&format!("/sign-in?{}", query("next", next)))
            .await;
        landed.assert_status(303);
        assert_eq!(landed.header("location"), Some("/start"), "{next}");
    }
}

#[tokio::test]
async fn sgn_20_an_authorization_request_is_checked_again_after_the_sign_in() {
    let server = TestServer::start().await;
    let redirect = "http://127.0.0.1:49152/oauth/callback";
    let client = server.aws().register_for_codes(redirect).await;
    let evil = claviger_tests::aws::authorize_query(&client, "https://evil.example/cb");
    let next = format!("/authorize?{}", claviger_tests::http::encode_form(&evil));
    let mut browser = server.browser();
    let page = browser
        .get(&format!("/sign-in?{}", query("next", &next)))
        .await;
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(!policy.contains("evil"), "{policy}");
    let landed = browser.sign_in_at(&page, "alice", "correct horse").await;
    landed.assert_status(303);
    let shown = browser.follow(&landed).await;
    shown.assert_error_page(400, "evil.example");
    assert_eq!(server.rows().codes(), 0);
}
