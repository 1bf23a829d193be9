//! How a person is to be asked (OpenID Connect Core §3.1.2.1): `prompt`, `max_age`.

use claviger_tests::{
    TestServer,
    aws::{Client, authorize_query},
    browser::Browser,
    http::Response,
    server::{REDIRECT_URI, password_of},
};

async fn scene() -> (TestServer, Client, Browser) {
    let server = TestServer::start().await;
    let client = server.oauth().register(REDIRECT_URI).await;
    let browser = server.browser_of("alice").await;
    (server, client, browser)
}

fn asking(client: &Client, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut query = authorize_query(client, REDIRECT_URI);
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    query.extend(more);
    query
}

#[track_caller]
pub(super) fn assert_sign_in(page: &Response) {
    page.assert_status(200);
    assert!(page.text().contains("type=\"password\""), "{page}");
}

#[track_caller]
pub(super) fn assert_consent(page: &Response) {
    page.assert_status(200);
    assert!(page.text().contains("id=\"consent\""), "{page}");
}

/// Core §3.1.2.1, §3.1.2.3: `prompt=none` shows nothing, and is answered with what would have been shown (§3.1.2.6).
#[tokio::test]
async fn aut_18_nothing_is_shown_where_nothing_may_be() {
    let (server, client, mut browser) = scene().await;
    let query = asking(&client, &[("prompt", "none")]);
    let mut stranger = server.browser();
    let back = stranger.authorize(&query).await;
    back.assert_sent_back(REDIRECT_URI, "login_required");
    let back = browser.authorize(&query).await;
    back.assert_sent_back(REDIRECT_URI, "consent_required");
    server.clock.advance(120);
    let query = asking(&client, &[("prompt", "none"), ("max_age", "60")]);
    let back = browser.authorize(&query).await;
    back.assert_sent_back(REDIRECT_URI, "login_required");
    assert_eq!(server.rows().codes(), 0);
}

/// Core §3.1.2.1, §3.1.2.3: `prompt=login`.
#[tokio::test]
async fn aut_19_whoever_is_to_sign_in_again_does_or_stays_who_they_were() {
    let (server, client, mut browser) = scene().await;
    let mut elsewhere = server.browser_of("alice").await;
    let sign_ins = server.rows().web_sessions();
    server.clock.advance(60);
    let query = asking(&client, &[("prompt", "login")]);
    let page = browser.authorize(&query).await;
    assert_sign_in(&page);
    // Nothing has changed for whoever goes away now.
    browser.get("/start").await.assert_status(200);
    assert_eq!(
        (server.rows().codes(), server.rows().web_sessions()),
        (0, sign_ins)
    );
    let wrong = browser.sign_in_at(&page, "alice", "not it").await;
    assert_ne!(wrong.status, 303, "{wrong}");
    browser.get("/start").await.assert_status(200);
    let done = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    done.assert_status(303);
    let page = browser.follow(&done).await;
    assert_consent(&page);
    // The same address later is another request for it: the mark is of a sign-in that was.
    let marked = done.header("location").expect("an address").to_owned();
    // Nor does it help whoever has signed in before it at another browser.
    assert_sign_in(&elsewhere.get(&marked).await);
    server.clock.advance(601);
    assert_sign_in(&browser.get(&marked).await);
    // And a mark is of one client.
    let other = server.oauth().register(REDIRECT_URI).await;
    let page = browser.authorize(&query).await;
    let done = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    let marked = done.header("location").expect("an address");
    let (_, mark) = marked.split_once("claviger_again=").expect("a mark");
    let query = asking(&other, &[("prompt", "login"), ("claviger_again", mark)]);
    assert_sign_in(&browser.authorize(&query).await);
}

/// Core §3.1.2.3: a sign-in that this request led to is the one that it wants.
#[tokio::test]
async fn aut_19_a_stranger_signs_in_once() {
    let (server, client, _) = scene().await;
    let mut browser = server.browser();
    let page = browser
        .authorize(&asking(&client, &[("prompt", "login")]))
        .await;
    assert_sign_in(&page);
    let done = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    assert_consent(&browser.follow(&done).await);
}

/// Core §3.1.2.1: `max_age`.
#[tokio::test]
async fn aut_20_a_sign_in_that_is_too_old_is_made_anew() {
    let (server, client, mut browser) = scene().await;
    server.clock.advance(120);
    let page = browser
        .authorize(&asking(&client, &[("max_age", "120")]))
        .await;
    assert_consent(&page);
    for age in ["119", "0"] {
        let page = browser
            .authorize(&asking(&client, &[("max_age", age)]))
            .await;
        assert_sign_in(&page);
    }
    let page = browser
        .authorize(&asking(&client, &[("max_age", "0")]))
        .await;
    let done = browser
        .sign_in_at(&page, "alice", password_of("alice"))
        .await;
    // However long they think about it.
    server.clock.advance(30);
    assert_consent(&browser.follow(&done).await);
    let long = "99999999999999999999";
    let page = browser
        .authorize(&asking(&client, &[("max_age", long)]))
        .await;
    assert_consent(&page);
}

/// Core §3.1.2.1: `none` stands alone; `consent` and `select_account` are what happens in any case.
#[tokio::test]
async fn aut_20_what_nobody_can_mean_is_refused() {
    let (server, client, mut browser) = scene().await;
    for (name, value) in [
        ("prompt", "none login"),
        ("prompt", "login none"),
        ("prompt", "login login"),
        ("prompt", "create"),
        ("prompt", "LOGIN"),
        ("max_age", "-1"),
        ("max_age", "1.5"),
        ("max_age", "soon"),
    ] {
        let back = browser.authorize(&asking(&client, &[(name, value)])).await;
        back.assert_sent_back(REDIRECT_URI, "invalid_request");
    }
    for value in ["consent", "select_account", "consent select_account"] {
        let page = browser
            .authorize(&asking(&client, &[("prompt", value)]))
            .await;
        assert_consent(&page);
    }
    assert_eq!(server.rows().codes(), 0);
}
