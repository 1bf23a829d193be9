//! The portal's own way to credentials: a form, and nothing else.

use claviger_tests::{
    TestServer,
    browser::form,
    html,
    http::{Request, Response},
    seed::SANDBOX,
};

/// The fields of the form that draws the first role's credentials.
fn fields(start: &Response) -> Vec<(String, String)> {
    form(start, "/start/credentials").fields
}

#[tokio::test]
async fn por_14_credentials_are_shown_to_our_own_form_alone() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let start = browser.get("/start").await;
    let fields = fields(&start);
    let origin = server.context.links.issuer().to_owned();
    let foreign = [
        ("https://evil.example", "cross-site"),
        ("null", "cross-site"),
        ("null", "same-origin"),
        (origin.as_str(), "cross-site"),
        (origin.as_str(), "same-site"),
        ("https://evil.example", "same-origin"),
    ];
    for (from, site) in foreign {
        let request = Request::post("/start/credentials")
            .header("Origin", from)
            .header("Sec-Fetch-Site", site)
            .form(&fields);
        let answer = browser.send(request).await;
        answer.assert_error_page(403, "");
    }
    // Without the token of this very sign-in, from our own origin.
    let other = server.browser_of("bob").await.get("/start").await;
    let stolen = form(&other, "/start/credentials");
    let stolen = stolen.value("token").expect("a token");
    for token in ["", "x", stolen] {
        let mut bad = form(&start, "/start/credentials");
        bad = bad.fill("token", token);
        browser.submit(&bad).await.assert_error_page(403, "");
    }
    let query = "/start/credentials?account=111122223333&role=Developer";
    browser.get(query).await.assert_status(405);
    browser.get("/start/credentials").await.assert_status(405);
    assert_eq!(server.credentials.calls(), 0);
    assert_eq!(server.rows().recorded("credentials.issue"), 0);
}

#[tokio::test]
async fn por_14_credentials_are_in_no_address_and_in_no_cache() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let start = browser.get("/start").await;
    let draw = form(&start, "/start/credentials");
    let shown = browser.submit(&draw).await;
    shown.assert_status(200);
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(shown.header("location"), None);
    assert!(shown.text().contains("fake-session-token"), "{shown}");
    let actions = html::forms(shown.text())
        .into_iter()
        .map(|form| form.action);
    for address in actions.chain(html::links(shown.text())) {
        assert!(!address.contains("fake-"), "{address}");
        assert!(!address.contains("ASIAFAKE"), "{address}");
    }
    let again = html::forms(shown.text());
    let secret = |value: &str| value.contains("fake-");
    assert!(again.iter().all(|form| !form.action.contains("fake-")));
    let hidden = again.iter().flat_map(|form| &form.fields);
    assert!(hidden.into_iter().all(|(_, value)| !secret(value)));
    assert_eq!(server.rows().recorded("credentials.issue"), 1);
}

#[tokio::test]
async fn por_14_after_a_sign_out_the_old_form_draws_nothing() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let start = browser.get("/start").await;
    let (draw, leave) = (
        form(&start, "/start/credentials"),
        form(&start, "/sign-out"),
    );
    let old = browser
        .cookie("claviger_session")
        .expect("a cookie")
        .to_owned();
    browser.submit(&draw).await.assert_status(200);
    browser.submit(&leave).await.assert_status(303);
    let refused = browser.submit(&draw).await;
    refused.assert_status(303);
    assert_eq!(refused.header("location"), Some("/sign-in?next=%2Fstart"));
    // Nor when the cookie was kept.
    browser.set_cookie("claviger_session", &old);
    browser.submit(&draw).await.assert_status(303);
    assert_eq!(server.credentials.calls(), 1);
}

#[tokio::test]
async fn por_01_04_05_the_page_gives_no_more_than_the_api() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let start = browser.get("/start").await;
    let draw = form(&start, "/start/credentials");
    for (account, role) in [
        (SANDBOX, "Admin"),
        (SANDBOX, "developer"),
        (SANDBOX, "Developer "),
        ("999988887777", "Developer"),
    ] {
        let refused = draw.clone().fill("account", account).fill("role", role);
        browser.submit(&refused).await.assert_error_page(403, "");
    }
    for (account, role) in [
        (SANDBOX, "Developer/x"),
        (SANDBOX, "Developer\n"),
        (SANDBOX, ""),
        ("11112222333", "Developer"),
    ] {
        let refused = draw.clone().fill("account", account).fill("role", role);
        browser.submit(&refused).await.assert_error_page(400, "");
    }
    assert_eq!(server.credentials.calls(), 0);
}
