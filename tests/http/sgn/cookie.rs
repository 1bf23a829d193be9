//! Cookies: fresh at every change of standing, and read strictly.

use claviger_tests::{
    TestServer,
    browser::{Browser, form},
    http::Request,
};

const SESSION: &str = "claviger_session";
const BROWSER: &str = "claviger_browser";

/// Whether this browser's cookies open the portal.
async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/start").await.status == 200
}

#[tokio::test]
async fn sgn_15_no_id_from_before_a_sign_in_is_worth_anything_after_it() {
    let server = TestServer::start().await;
    // An attacker plants what he knows: ids of his own sign-in and of his own form.
    let mut attacker = server.browser_of("bob").await;
    let planted = attacker.cookie(SESSION).expect("a cookie").to_owned();
    let mut victim = server.browser();
    let page = victim.get("/sign-in").await;
    let before = victim.cookie(BROWSER).expect("a cookie").to_owned();
    victim.set_cookie(SESSION, &planted);
    victim
        .sign_in_at(&page, "alice", "correct horse")
        .await
        .assert_status(303);
    let after = victim.cookie(SESSION).expect("a cookie").to_owned();
    assert_ne!(after, planted);
    assert_ne!(victim.cookie(BROWSER), Some(before.as_str()));
    let start = victim.get("/start").await;
    assert!(start.text().contains("ALICE Example"), "{start}");
    // What the attacker planted is dead, and so is a form bound to the old browser id.
    assert!(!is_in(&mut attacker).await);
    let mut old = server.browser();
    old.set_cookie(BROWSER, victim.cookie(BROWSER).expect("a cookie"));
    let form = form(&page, "/sign-in")
        .fill("user_name", "bob")
        .fill("password", "battery staple");
    old.submit(&form).await.assert_status(400);
}

#[tokio::test]
async fn sgn_15_every_sign_in_and_sign_out_leaves_the_old_id_dead() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    browser
        .sign_in_at(&page, "alice", "correct horse")
        .await
        .assert_status(303);
    let first = browser.cookie(SESSION).expect("a cookie").to_owned();
    // Signed in already: the form is not shown again, but one kept open can still be sent.
    browser.get("/sign-in").await.assert_status(303);
    let mut second = server.browser();
    let page = second.get("/sign-in").await;
    second.set_cookie(SESSION, &first);
    second
        .sign_in_at(&page, "alice", "correct horse")
        .await
        .assert_status(303);
    assert_ne!(second.cookie(SESSION), Some(first.as_str()));
    assert!(!is_in(&mut browser).await, "the id of before still works");
    assert!(is_in(&mut second).await);
    let kept = second.cookie(SESSION).expect("a cookie").to_owned();
    let page = second.get("/sign-out").await;
    let left = second.submit(&form(&page, "/sign-out")).await;
    left.assert_status(303);
    assert_eq!(second.cookie(SESSION), None, "{left}");
    second.set_cookie(SESSION, &kept);
    assert!(!is_in(&mut second).await, "the id of before still works");
    assert_eq!(server.rows().recorded("sign_out"), 2);
}

#[tokio::test]
async fn sgn_16_cookies_are_pinned_to_this_host_and_hidden_from_scripts() {
    let server = TestServer::builder()
        .public_url("https://sso.example.org")
        .start()
        .await;
    let mut browser = server.browser();
    let mut set = Vec::new();
    let page = browser.get("/sign-in").await;
    set.extend(page.values("set-cookie").into_iter().map(ToOwned::to_owned));
    let inside = browser.sign_in_at(&page, "alice", "correct horse").await;
    set.extend(
        inside
            .values("set-cookie")
            .into_iter()
            .map(ToOwned::to_owned),
    );
    let page = browser.get("/sign-out").await;
    let left = browser.submit(&form(&page, "/sign-out")).await;
    set.extend(left.values("set-cookie").into_iter().map(ToOwned::to_owned));
    assert_eq!(set.len(), 5, "{set:?}");
    for cookie in &set {
        assert!(cookie.starts_with("__Host-claviger_"), "{cookie}");
        let mut attributes = cookie.split("; ").skip(1).collect::<Vec<_>>();
        attributes.retain(|attribute| !attribute.starts_with("Max-Age="));
        assert_eq!(
            attributes,
            ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"],
            "{cookie}"
        );
    }
    // The session's ends with the browser; the one that proves a browser known stays ninety days.
    let of = |name: &str| {
        let mut found = set.iter().filter(|cookie| cookie.starts_with(name));
        found.next().expect("it is set")
    };
    assert!(
        !of("__Host-claviger_session=").contains("Max-Age"),
        "{set:?}"
    );
    assert!(
        of("__Host-claviger_known=").ends_with("; Max-Age=7776000"),
        "{set:?}"
    );
    assert!(set[4].starts_with("__Host-claviger_session=;"), "{set:?}");
    assert!(set[4].contains("Max-Age=0"), "{set:?}");
}

#[tokio::test]
async fn sgn_16_two_cookies_of_a_name_are_none_and_other_names_are_nothing() {
    let server = TestServer::builder()
        .public_url("https://sso.example.org")
        .start()
        .await;
    let mut browser = server.browser_of("alice").await;
    assert!(is_in(&mut browser).await);
    let good = browser.cookie(SESSION).expect("a cookie").to_owned();
    let own = format!("__Host-{SESSION}={good}");
    let status = async |cookies: &[&str]| {
        let request = cookies
            .iter()
            .fold(Request::get("/start"), |request, cookie| {
                request.header("Cookie", *cookie)
            });
        server.send(request).await.status.as_u16()
    };
    assert_eq!(status(&[&own]).await, 200);
    assert_eq!(status(&["a=b", &own, "c=d"]).await, 200);
    // What a neighbour of our host sets, in letters of his own, signs nobody out.
    for neighbour in ["a=é", "é=b", "é", "a=\u{1f511}"] {
        for cookies in [
            vec![format!("{neighbour}; {own}")],
            vec![format!("{own}; {neighbour}")],
            vec![neighbour.to_owned(), own.clone()],
        ] {
            let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
            assert_eq!(status(&cookies).await, 200, "{cookies:?}");
        }
    }
    for cookies in [
        vec![format!("{own}; __Host-{SESSION}=é")],
        vec![own.clone(), format!("__Host-{SESSION}=é")],
        vec![format!("{own}é")],
        vec![format!("{own}; {own}")],
        vec![own.clone(), own.clone()],
        vec![format!("{own}; __Host-{SESSION}=x")],
        vec![format!("__Host-{SESSION}=; {own}")],
        vec![format!("{SESSION}={good}")],
        vec![format!("__Secure-{SESSION}={good}")],
        vec![format!("__host-{SESSION}={good}")],
        vec![format!("{own}x")],
        vec![own.to_uppercase()],
    ] {
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        assert_eq!(status(&cookies).await, 303, "{cookies:?}");
    }
    // A token of another kind is no cookie.
    let device = server.signed_in_device().await;
    for token in [&device.tokens.access, device.tokens.refresh_token()] {
        assert_eq!(status(&[&format!("__Host-{SESSION}={token}")]).await, 303);
    }
}
