//! The way through the browser: consent, transactions tied to it, redirects (AUT-16, 17, 21, 23).

use claviger_tests::{
    TestServer,
    aws::{Code, Tokens, authorize_query},
    browser::form,
    html,
    http::parameter,
    pkce,
    server::REDIRECT_URI,
};

use super::signed_in;

#[tokio::test]
async fn aut_16_a_flow_goes_on_only_in_the_browser_that_began_it() {
    let (server, client, mut attacker) = signed_in().await;
    let page = attacker
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let consent = form(&page, "/authorize").press("Allow");
    // The victim's browser is made to send the attacker's form: as it is, and with a form token
    // of the victim's own.
    let mut victim = server.browser_of("bob").await;
    victim
        .submit(&consent)
        .await
        .assert_error_page(403, REDIRECT_URI);
    let own = victim.get("/device").await;
    let own = form(&own, "/device")
        .value("token")
        .expect("a form token")
        .to_owned();
    let mixed = consent.clone().fill("token", &own);
    victim
        .submit(&mixed)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 0);

    let mut stranger = server.browser();
    let page = stranger.get("/sign-in").await;
    let sign_in = form(&page, "/sign-in")
        .fill_first("text", "bob")
        .fill_first("password", "battery staple");
    let sessions = server.rows().web_sessions();
    for mut other in [server.browser(), {
        let mut other = server.browser();
        other.get("/sign-in").await;
        other
    }] {
        other.submit(&sign_in).await.assert_status(400);
        assert_eq!(other.cookie("session"), None);
    }
    assert_eq!(server.rows().web_sessions(), sessions);
    assert_eq!(
        (server.hasher.checks(), server.hasher.dummies()),
        (2, 0),
        "no password was tried"
    );
    stranger.submit(&sign_in).await.assert_status(303);
}

#[tokio::test]
async fn aut_17_an_altered_swapped_or_old_transaction_is_refused() {
    let (server, client, mut browser) = signed_in().await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let consent = form(&page, "/authorize").press("Allow");
    let sealed = consent
        .value("request")
        .expect("a sealed request")
        .to_owned();
    let sign_in = server.browser().get("/sign-in").await;
    let of_sign_in = form(&sign_in, "/sign-in")
        .value("next")
        .expect("a sealed path")
        .to_owned();
    let mut forgeries = vec![
        String::new(),
        of_sign_in,
        format!("{sealed}A"),
        sealed[1..].to_owned(),
    ];
    for at in (0..sealed.len()).step_by(11) {
        let other = if sealed[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        forgeries.push(format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]));
    }
    for forged in forgeries {
        let sent = consent.clone().fill("request", &forged);
        browser
            .submit(&sent)
            .await
            .assert_error_page(400, REDIRECT_URI);
    }
    assert_eq!(server.rows().codes(), 0);
    server.clock.advance(599);
    browser.submit(&consent).await.assert_status(303);
    assert_eq!(server.rows().codes(), 1);
    server.clock.advance(1);
    browser
        .submit(&consent)
        .await
        .assert_error_page(400, REDIRECT_URI);
    assert_eq!(server.rows().codes(), 1);
}

#[tokio::test]
async fn aut_17_an_old_sign_in_form_signs_nobody_in() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    server.clock.advance(600);
    let late = browser.sign_in_at(&page, "alice", "correct horse").await;
    late.assert_status(400);
    assert_eq!(
        (browser.cookie("session"), server.rows().web_sessions()),
        (None, 0)
    );
    browser
        .sign_in_at(&late, "alice", "correct horse")
        .await
        .assert_status(303);
}

#[tokio::test]
async fn aut_21_consent_is_asked_every_time() {
    let (server, client, mut browser) = signed_in().await;
    for number in 1..=2 {
        let page = browser
            .authorize(&authorize_query(&client, REDIRECT_URI))
            .await;
        page.assert_status(200);
        assert_eq!(page.header("location"), None);
        assert_eq!(server.rows().codes(), number - 1, "a look makes no code");
        browser.consent(&page, "Allow").await.assert_status(303);
        assert_eq!(server.rows().codes(), number);
    }
}

#[tokio::test]
async fn aut_21_a_stranger_signs_in_and_then_is_asked() {
    let server = TestServer::start().await;
    let client = server.aws().register_for_codes(REDIRECT_URI).await;
    let mut browser = server.browser();
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    assert_eq!(page.header("location"), None, "{page}");
    let signed_in = browser.sign_in_at(&page, "alice", "correct horse").await;
    signed_in.assert_status(303);
    let consent = browser.follow(&signed_in).await;
    let back = browser.consent(&consent, "Allow").await;
    assert_eq!(back.status, 303, "{back}");
    let location = back.header("location").expect("a way back");
    assert!(
        location.starts_with(&format!("{REDIRECT_URI}?code=")),
        "{back}"
    );
    assert_eq!(server.rows().actions(), ["sign_in", "authorize.approve"]);
}

#[tokio::test]
async fn aut_23_a_post_that_redirects_answers_303() {
    let (_server, client, mut browser) = signed_in().await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let allowed = browser.consent(&page, "Allow").await;
    let page = browser
        .authorize(&authorize_query(&client, REDIRECT_URI))
        .await;
    let denied = browser.consent(&page, "Deny").await;
    let page = browser.get("/sign-out").await;
    let signed_out = browser.submit(&form(&page, "/sign-out")).await;
    let signed_in = browser.sign_in("alice", "correct horse").await;
    for answer in [allowed, denied, signed_out, signed_in] {
        answer.assert_status(303);
        assert!(answer.header("location").is_some(), "{answer}");
    }
}

#[tokio::test]
async fn a_way_back_to_ipv6_loopback_is_a_page_that_goes_on() {
    let server = TestServer::start().await;
    let redirect_uri = "http://[::1]:49152/oauth/callback";
    let client = server.aws().register_for_codes(redirect_uri).await;
    let mut browser = server.browser_of("alice").await;
    let page = browser
        .authorize(&authorize_query(&client, redirect_uri))
        .await;
    let back = browser.consent(&page, "Allow").await;
    back.assert_status(200);
    assert!(back.text().contains("http-equiv=\"refresh\""), "{back}");
    let link = html::links(back.text());
    let link = link
        .iter()
        .find(|link| link.starts_with(redirect_uri))
        .expect("a way on");
    let code = parameter(link, "code").expect("a code");
    server.secrets().add(&code);
    let code = Code {
        code,
        redirect_uri: redirect_uri.to_owned(),
        verifier: pkce::VERIFIER.to_owned(),
    };
    Tokens::of(&server.aws().redeem(&client, &code).await);
}
