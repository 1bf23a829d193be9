//! What a browser carries through a request of this dialect is its own, whole and young (AUT-16, AUT-17).

use claviger_tests::{
    TestServer,
    browser::form,
    http::parameter,
    seed::{WIKI, wiki},
    server::{REDIRECT_URI, password_of},
};

use super::{
    openid::{asking, registered},
    prompt::{assert_consent, assert_sign_in},
};

#[tokio::test]
async fn aut_16_a_flow_of_openid_goes_on_only_in_the_browser_that_began_it() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let query = asking(&client, "openid", &[("nonce", "of-the-attacker")]);
    let mut attacker = server.browser_of("alice").await;
    let page = attacker.authorize(&query).await;
    let consent = form(&page, "/authorize").press("Allow");
    let mut victim = server.browser_of("bob").await;
    let sent = victim.submit(&consent).await;
    sent.assert_error_page(403, REDIRECT_URI);
    let own = victim.authorize(&query).await;
    let own = form(&own, "/authorize");
    let mixed = consent.fill("token", own.value("token").expect("a form token"));
    let sent = victim.submit(&mixed).await;
    sent.assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);
}

/// There is no consent to stop at: the sign-in that leads on is the browser's own.
#[tokio::test]
async fn aut_16_nobody_is_signed_in_by_a_form_of_another_browser_and_sent_on() {
    let builder = TestServer::builder();
    let configured = builder.policy(|policy| policy.applications.push(wiki()));
    let server = configured.start().await;
    let client = claviger_tests::aws::Client {
        id: "wiki".to_owned(),
        secret: String::new(),
    };
    let mut query = asking(&client, "openid", &[]);
    query.retain(|(name, _)| name != "redirect_uri");
    query.push(("redirect_uri".to_owned(), WIKI.to_owned()));
    let mut attacker = server.browser();
    let page = attacker.authorize(&query).await;
    assert_sign_in(&page);
    let sign_in = form(&page, "/sign-in")
        .fill_first("text", "bob")
        .fill_first("password", password_of("bob"));
    let mut victim = server.browser();
    victim.get("/sign-in").await;
    victim.submit(&sign_in).await.assert_status(400);
    assert_eq!(victim.cookie("claviger_session"), None);
    assert_eq!(server.rows().codes(), 0);
    let done = attacker.submit(&sign_in).await;
    let back = attacker.follow(&done).await;
    let location = back.header("location").expect("a way back");
    assert!(parameter(location, "code").is_some(), "{location}");
}

#[tokio::test]
async fn aut_17_a_form_and_a_mark_of_openid_last_ten_minutes() {
    let server = TestServer::start().await;
    let client = registered(&server).await;
    let mut browser = server.browser_of("alice").await;
    let query = asking(&client, "openid", &[("prompt", "login")]);
    let page = browser.authorize(&query).await;
    let done = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    let marked = done.header("location").expect("a way on").to_owned();
    let page = browser.get(&marked).await;
    assert_consent(&page);
    server.clock.advance(600);
    let late = browser
        .submit(&form(&page, "/authorize").press("Allow"))
        .await;
    late.assert_error_page(400, REDIRECT_URI);
    assert_sign_in(&browser.get(&marked).await);
    assert_eq!(server.rows().codes(), 0);
}
