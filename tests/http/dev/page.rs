//! What the approval pages show, and what they refuse to be used for.

use claviger_tests::{
    TestServer,
    aws::{ACCOUNT_ACCESS, client},
    browser::form,
    html,
    http::{Request, escape},
};
use serde_json::json;

#[tokio::test]
async fn dev_19_the_approval_page_cannot_be_framed_and_nothing_is_pressed_by_itself() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    let ask = browser.get(&device.link).await;
    let confirm = browser.look_up(&device.user_code).await;
    for page in [&ask, &confirm] {
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"), "{page}");
        assert!(!page.text().contains("autofocus"), "{page}");
        // The one script is a file of ours; none is written into the page.
        assert!(
            !page.text().contains("<script>") && !policy.contains("unsafe-inline"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn dev_21_the_approval_page_says_who_asks_from_where_and_what_it_means() {
    let server = TestServer::builder().trusting("127.0.0.1/32").start().await;
    let client = server.aws().register().await;
    let body = client.with(json!({ "startUrl": server.aws().start_url() }));
    let request = Request::post("/device_authorization")
        .header("User-Agent", "aws-cli/2.9.19 Python/3.11.2 Linux")
        .header("X-Forwarded-For", "203.0.113.77")
        .json(&body);
    let started = server.send(request).await;
    started.assert_status(200);
    server.clock.advance(180);
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&started.member("userCode")).await;
    let said = html::text(page.text());
    for part in [
        started.member("userCode").as_str(),
        "aws-cli",
        "unverified",
        "203.0.113.77",
        "aws-cli/2.9.19 Python/3.11.2 Linux",
        "3 minutes",
        "alice",
        "accounts and roles",
        "deny",
    ] {
        assert!(said.contains(part), "{part} is not said in {said}");
    }
    // A person whose device it is not must find the way out beside the way in.
    form(&page, "/device/approve");
    form(&page, "/device/deny");
}

#[tokio::test]
async fn dev_21_names_and_agents_are_shown_as_text() {
    let server = TestServer::start().await;
    let name = "<b>AWS</b> \"&' CLI";
    let body = json!({ "clientName": name, "clientType": "public", "scopes": [ACCOUNT_ACCESS] });
    let client = client(&server.aws().register_with(body).await);
    let agent = "<script>alert(1)</script>\"'";
    let body = client.with(json!({ "startUrl": server.aws().start_url() }));
    let request = Request::post("/device_authorization")
        .header("User-Agent", agent)
        .json(&body);
    let started = server.send(request).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.look_up(&started.member("userCode")).await;
    page.assert_status(200);
    assert!(
        !page.text().contains("<script>") && !page.text().contains("<b>AWS"),
        "{page}"
    );
    assert!(html::text(page.text()).contains(name), "{page}");
    assert!(html::text(page.text()).contains(agent), "{page}");
}

#[tokio::test]
async fn dev_28_a_hostile_code_in_the_link_leaves_the_form_empty() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    for hostile in [
        "\"><script>alert(1)</script>".to_owned(),
        "' autofocus onfocus='alert(1)".to_owned(),
        "B".repeat(5 * 1024),
        "BCDF-GHJ\u{212a}".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        let page = browser
            .get(&format!("/device?user_code={}", escape(&hostile)))
            .await;
        page.assert_status(200);
        assert_eq!(
            form(&page, "/device").value("user_code"),
            Some(""),
            "{page}"
        );
        assert!(
            !page.text().contains(&hostile) && !page.text().contains("<script>"),
            "{page}"
        );
        let done = browser
            .get(&format!(
                "/device/done?answer=approved&user_code={}",
                escape(&hostile)
            ))
            .await;
        assert!(
            !done.text().contains(&hostile) && !done.text().contains("<script>"),
            "{done}"
        );
    }
    for raw in [
        "user_code=BCDF-GHJK&user_code=BCDF-GHJL",
        "user_code=%ff",
        "user_code=%",
    ] {
        let page = browser.get(&format!("/device?{raw}")).await;
        page.assert_status(200);
        assert_eq!(
            form(&page, "/device").value("user_code"),
            Some(""),
            "{page}"
        );
    }
}

#[tokio::test]
async fn dev_28_a_hostile_code_typed_in_comes_back_as_text() {
    let server = TestServer::start().await;
    let mut browser = server.browser_of("alice").await;
    let hostile = "\"><script>alert(1)";
    let page = browser.look_up(hostile).await;
    page.assert_status(404);
    assert!(!page.text().contains("<script>"), "{page}");
    let long = browser.look_up(&"<".repeat(5 * 1024)).await;
    long.assert_status(404);
    assert!(!long.text().contains(&"&#60;".repeat(30)), "{long}");
}
