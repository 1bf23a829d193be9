//! Deciding: what may be typed, who may decide, and what never decides.

use claviger_tests::{
    TestServer,
    aws::{Client, Device, Tokens},
    browser::{Browser, form},
    html::{self, Form},
    http::{Request, Response},
};

/// A server with a device that waits, and alice's browser.
async fn waiting() -> (TestServer, Client, Device, Browser) {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    let browser = server.browser_of("alice").await;
    (server, client, device, browser)
}

async fn type_in(browser: &mut Browser, typed: &str) -> Response {
    browser.look_up(typed).await
}

#[tokio::test]
async fn dev_02_typing_habits_do_not_matter_look_alikes_do() {
    let (_server, _, device, mut browser) = waiting().await;
    let code = device.user_code.as_str();
    let bare = code.replace('-', "");
    for typed in [
        code.to_owned(),
        bare.clone(),
        code.to_lowercase(),
        code.replace('-', " "),
        format!("  {}  ", code.to_lowercase()),
        format!(
            "{}-{}",
            bare.get(..2).expect("letters"),
            bare.get(2..).expect("letters")
        ),
    ] {
        type_in(&mut browser, &typed).await.assert_status(200);
    }
    let wide: String = bare
        .chars()
        .filter_map(|letter| char::from_u32(u32::from(letter) + 0xFEE0))
        .collect();
    let cyrillic = "ВСDF-GНJК";
    for typed in [
        wide.as_str(),
        cyrillic,
        &format!("{bare}B"),
        bare.get(1..).expect("letters"),
        "—",
    ] {
        // One at a time in a browser session, for wrong codes are counted.
        type_in(&mut browser, typed).await.assert_status(404);
    }
}

#[tokio::test]
async fn dev_03_strangers_are_asked_to_sign_in_before_anything_is_looked_up() {
    let (server, _, device, mut signed_in) = waiting().await;
    let approve = form(
        &type_in(&mut signed_in, &device.user_code).await,
        "/device/approve",
    );
    let look_up =
        form(&signed_in.get("/device").await, "/device").fill("user_code", &device.user_code);
    let deny = Form {
        action: "/device/deny".to_owned(),
        ..approve.clone()
    };
    let before = server.rows().everything();
    let mut stranger = server.browser();
    stranger.get("/sign-in").await.assert_status(200);
    let (reads, writes) = (server.switch.reads(), server.switch.writes());
    for sent in [look_up.clone(), approve, deny] {
        for code in [device.user_code.as_str(), "BBBB-BBBB"] {
            let told = stranger.submit(&sent.clone().fill("user_code", code)).await;
            told.assert_status(303);
            let to = told.header("location").expect("a place");
            assert!(to.starts_with("/sign-in?next="), "{to}");
        }
    }
    for link in [
        device.link.as_str(),
        "/device?user_code=BBBB-BBBB",
        "/device",
    ] {
        let told = stranger.get(link).await;
        told.assert_status(303);
        assert!(
            told.header("location")
                .expect("a place")
                .starts_with("/sign-in?next=")
        );
    }
    assert_eq!(
        (server.switch.reads(), server.switch.writes()),
        (reads, writes)
    );
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn dev_13_an_approval_can_be_taken_back_until_it_is_used() {
    let (server, client, device, mut browser) = waiting().await;
    let approved = browser.approve(&device.user_code).await;
    let done = browser.follow(&approved).await;
    let deny = form(&done, "/device/deny");
    // Not by another person.
    let mut bob = server.browser_of("bob").await;
    let token = form(&bob.get("/device").await, "/device")
        .value("token")
        .expect("a token")
        .to_owned();
    bob.submit(&deny.clone().fill("token", &token))
        .await
        .assert_status(404);
    assert_eq!(server.rows().device_state(), "approved");

    browser.submit(&deny).await.assert_status(303);
    server
        .aws()
        .poll(&client, &device)
        .await
        .assert_error(400, "AccessDeniedException");
    assert_eq!(
        (
            server.rows().device_state().as_str(),
            server.rows().sessions()
        ),
        ("denied", 0)
    );
}

#[tokio::test]
async fn dev_13_once_used_the_page_leads_to_the_sessions() {
    let (server, client, device, mut browser) = waiting().await;
    let approved = browser.approve(&device.user_code).await;
    let done = browser.follow(&approved).await;
    let tokens = Tokens::of(&server.aws().poll(&client, &device).await);
    let late = browser.submit(&form(&done, "/device/deny")).await;
    late.assert_status(404);
    assert!(
        html::text(late.text()).contains("already uses it"),
        "{late}"
    );
    assert!(
        html::links(late.text()).contains(&"/sessions".to_owned()),
        "{late}"
    );
    assert_eq!(server.rows().device_state(), "redeemed");
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(200);
    // There it can be ended.
    let sessions = browser.get("/sessions").await;
    browser
        .submit(&form(&sessions, "/sessions/end"))
        .await
        .assert_status(303);
    server
        .aws()
        .list_accounts(&tokens.access)
        .await
        .assert_status(401);
}

/// Sends a form with the headers that a browser on another page would add.
async fn send_as(browser: &mut Browser, form: &Form, headers: &[(&str, &str)]) -> Response {
    let request = headers
        .iter()
        .fold(Request::post(&form.action), |request, (name, value)| {
            request.header(name, *value)
        });
    browser.send(request.form(&form.fields)).await
}

#[tokio::test]
async fn dev_18_an_approval_needs_the_form_of_this_very_sign_in() {
    let (server, client, device, mut browser) = waiting().await;
    let mut earlier = server.browser_of("alice").await;
    let mut bob = server.browser_of("bob").await;
    let approve = form(
        &type_in(&mut browser, &device.user_code).await,
        "/device/approve",
    );
    let own = approve.value("token").expect("a token").to_owned();
    let token_of = |page: &Response| {
        form(page, "/device")
            .value("token")
            .expect("a token")
            .to_owned()
    };
    let (other_session, other_person) = (
        token_of(&earlier.get("/device").await),
        token_of(&bob.get("/device").await),
    );
    let before = server.rows().everything();
    let cut = own.get(..own.len() - 1).expect("a token").to_owned();
    for token in [
        String::new(),
        "x".to_owned(),
        other_session,
        other_person,
        cut,
        format!("{own}A"),
    ] {
        browser
            .submit(&approve.clone().fill("token", &token))
            .await
            .assert_status(403);
        let deny = Form {
            action: "/device/deny".to_owned(),
            ..approve.clone()
        };
        browser
            .submit(&deny.fill("token", &token))
            .await
            .assert_status(403);
    }
    browser
        .submit(&approve.clone().without("token"))
        .await
        .assert_status(403);
    assert_eq!(server.rows().everything(), before);
    assert_eq!(server.rows().device_state(), "pending");
    server
        .aws()
        .poll(&client, &device)
        .await
        .assert_error(400, "AuthorizationPendingException");
    // The form itself is good all the while.
    browser.submit(&approve).await.assert_status(303);
}

#[tokio::test]
async fn dev_18_an_approval_from_another_site_is_refused() {
    let (server, _, device, mut browser) = waiting().await;
    let approve = form(
        &type_in(&mut browser, &device.user_code).await,
        "/device/approve",
    );
    let own = server.context.links.issuer().to_owned();
    let before = server.rows().everything();
    for headers in [
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "null")],
        vec![("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        vec![("Origin", "https://127.0.0.1")],
        vec![("Origin", own.as_str()), ("Sec-Fetch-Site", "cross-site")],
        vec![("Origin", own.as_str()), ("Sec-Fetch-Site", "same-site")],
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Origin", own.as_str()), ("Origin", "https://evil.example")],
    ] {
        send_as(&mut browser, &approve, &headers)
            .await
            .assert_status(403);
    }
    assert_eq!(server.rows().everything(), before);
    let headers = [("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    send_as(&mut browser, &approve, &headers)
        .await
        .assert_status(303);
}

#[tokio::test]
async fn dev_20_only_a_post_decides() {
    let (server, client, device, mut browser) = waiting().await;
    // Consented before: alice has approved this very client.
    let earlier = server.aws().start_device(&client).await;
    browser.approve(&earlier.user_code).await.assert_status(303);
    Tokens::of(&server.aws().poll(&client, &earlier).await);
    let approve = form(
        &type_in(&mut browser, &device.user_code).await,
        "/device/approve",
    );
    let query = claviger_tests::http::encode_form(&approve.fields);
    let link = device
        .link
        .strip_prefix(server.context.links.issuer())
        .expect("our link");
    let (before, writes) = (server.rows().everything(), server.switch.writes());
    for method in ["GET", "HEAD"] {
        for (name, value) in [
            ("Purpose", "prefetch"),
            ("Sec-Purpose", "prefetch;prerender"),
            ("User-Agent", "Slackbot-LinkExpanding 1.0"),
        ] {
            let page = browser
                .send(Request::new(method, link).header(name, value))
                .await;
            page.assert_status(200);
        }
        for target in [
            format!("/device/approve?{query}"),
            format!("/device/deny?{query}"),
            "/device/approve".to_owned(),
        ] {
            browser
                .send(Request::new(method, target).header("X-HTTP-Method-Override", "POST"))
                .await
                .assert_status(405);
        }
        let told = browser
            .send(Request::new(
                method,
                format!(
                    "/device/done?answer=approved&user_code={}",
                    device.user_code
                ),
            ))
            .await;
        told.assert_status(200);
    }
    assert_eq!(
        (server.rows().everything(), server.switch.writes()),
        (before, writes)
    );
    server
        .aws()
        .poll(&client, &device)
        .await
        .assert_error(400, "AuthorizationPendingException");
}

#[tokio::test]
async fn dev_20_what_a_link_fills_in_still_has_to_be_sent() {
    let (server, _, device, mut browser) = waiting().await;
    let page = browser.get(&device.link).await;
    page.assert_status(200);
    let filled = form(&page, "/device");
    assert_eq!(filled.value("user_code"), Some(device.user_code.as_str()));
    assert!(!page.text().contains("/device/approve"), "{page}");
    browser.submit(&filled).await.assert_status(200);
    assert_eq!(server.rows().device_state(), "pending");
}

#[tokio::test]
async fn dev_23_a_sign_in_on_the_way_renews_session_and_form_token() {
    let (server, client, device, mut known) = waiting().await;
    let old_form = form(
        &type_in(&mut known, &device.user_code).await,
        "/device/approve",
    );
    let old_cookie = known
        .cookie("claviger_session")
        .expect("a session")
        .to_owned();

    let mut visitor = server.browser();
    // An attacker may have planted a session of their own.
    visitor.set_cookie("claviger_session", &old_cookie);
    let there = visitor.get(&device.link).await;
    there.assert_status(200);
    let mut visitor = server.browser();
    let there = visitor.get(&device.link).await;
    let page = visitor.follow(&there).await;
    assert!(
        visitor.cookie("claviger_session").is_none(),
        "nobody has signed in"
    );
    let signed_in = visitor.sign_in_at(&page, "alice", "correct horse").await;
    signed_in.assert_status(303);
    let new_cookie = visitor
        .cookie("claviger_session")
        .expect("a session")
        .to_owned();
    assert_ne!(old_cookie, new_cookie);
    let back = visitor.follow(&signed_in).await;
    let look_up = form(&back, "/device");
    assert_eq!(
        look_up.value("user_code"),
        Some(device.user_code.as_str()),
        "the link is not lost"
    );
    let confirmation = visitor.submit(&look_up).await;
    let new_form = form(&confirmation, "/device/approve");
    assert_ne!(new_form.value("token"), old_form.value("token"));
    // The old form token is nothing under the new session, nor the new one under the old.
    visitor.submit(&old_form).await.assert_status(403);
    known.submit(&new_form).await.assert_status(403);
    assert_eq!(server.rows().device_state(), "pending");
    visitor.submit(&new_form).await.assert_status(303);
    Tokens::of(&server.aws().poll(&client, &device).await);
}

#[tokio::test]
async fn dev_23_after_signing_out_the_old_session_approves_nothing() {
    let (server, _, device, mut browser) = waiting().await;
    let approve = form(
        &type_in(&mut browser, &device.user_code).await,
        "/device/approve",
    );
    let old = browser.clone();
    let page = browser.get("/sign-out").await;
    browser
        .submit(&form(&page, "/sign-out"))
        .await
        .assert_status(303);
    let told = old.clone().submit(&approve).await;
    told.assert_status(303);
    assert!(
        told.header("location")
            .expect("a place")
            .starts_with("/sign-in"),
        "{told}"
    );
    assert_eq!(server.rows().device_state(), "pending");
}
