//! What a failed attempt tells, and what it costs.

use claviger_tests::{
    TestServer,
    browser::{Browser, form},
    http::{Request, Response},
};

/// Signs in at a fresh form of this browser.
async fn attempt(browser: &mut Browser, name: &str, password: &str) -> Response {
    browser.sign_in(name, password).await
}

/// An answer without what differs from request to request: its id, the sealed field, the name
/// that was typed.
fn told(answer: &Response, name: &str) -> String {
    let sealed = form(answer, "/sign-in");
    let sealed = sealed.value("next").expect("a sealed field").to_owned();
    let text = answer.to_string().replace(&sealed, "[sealed]");
    text.replace(&format!("value=\"{name}\""), "value=\"[name]\"")
}

#[tokio::test]
async fn sgn_01_a_name_that_nobody_has_is_answered_like_a_wrong_password() {
    let server = TestServer::start().await;
    // Somebody without a password, too.
    let mut directory = claviger_tests::seed::directory();
    directory.users.push(claviger_tests::seed::person("carol"));
    server.apply(&directory).await;
    let mut browser = server.browser();
    browser.get("/sign-in").await;
    let before = server.rows().everything();
    let mut answers = Vec::new();
    for name in ["alice", "nobody-at-all", "carol"] {
        let work = || (server.switch.reads(), server.switch.writes());
        let (reads, writes) = work();
        let answer = attempt(&mut browser, name, "not the password").await;
        answer.assert_status(403);
        // Equal work is equal time: one look-up, one count, one hash.
        let (more_reads, more_writes) = work();
        answers.push((
            told(&answer, name),
            more_reads - reads,
            more_writes - writes,
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    // Each attempt ran one hash: a real one for alice, a dummy for the others.
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (1, 2));
    assert_eq!(server.rows().everything(), before);
}

#[tokio::test]
async fn sgn_01_the_throttle_does_not_tell_who_exists() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    browser.get("/sign-in").await;
    let mut told_of = Vec::new();
    for name in ["alice", "nobody-at-all"] {
        let mut answers = Vec::new();
        for _ in 0..11 {
            let answer = attempt(&mut browser, name, "not the password").await;
            answers.push(told(&answer, name));
        }
        told_of.push(answers);
    }
    assert_eq!(told_of[0], told_of[1]);
    assert!(told_of[0][9].starts_with("403 "), "{}", told_of[0][9]);
    assert!(told_of[0][10].starts_with("429 "), "{}", told_of[0][10]);
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (10, 10));
}

#[tokio::test]
async fn sgn_01_a_disabled_person_learns_so_after_the_right_password_only() {
    let server = TestServer::start().await;
    let disabled = claviger_engine::admin::user::disable(&server.context, "alice").await;
    disabled.expect("alice is known");
    let mut browser = server.browser();
    browser.get("/sign-in").await;
    let wrong = attempt(&mut browser, "alice", "not the password").await;
    let unknown = attempt(&mut browser, "nobody-at-all", "not the password").await;
    assert_eq!(told(&wrong, "alice"), told(&unknown, "nobody-at-all"));
    let right = attempt(&mut browser, "alice", "correct horse").await;
    right.assert_status(403);
    assert!(right.text().contains("disabled"), "{right}");
    assert_eq!(
        (
            server.rows().web_sessions(),
            browser.cookie("claviger_session")
        ),
        (0, None)
    );
}

#[tokio::test]
async fn sgn_08_an_overlong_password_is_not_hashed() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let long = attempt(&mut browser, "alice", &"x".repeat(1025)).await;
    long.assert_status(403);
    // Counted in bytes: 513 letters of two bytes each.
    let wide = attempt(&mut browser, "alice", &"ä".repeat(513)).await;
    assert_eq!(told(&wide, "alice"), told(&long, "alice"));
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (0, 0));
    let longest = attempt(&mut browser, "alice", &"x".repeat(1024)).await;
    assert_eq!(told(&longest, "alice"), told(&long, "alice"));
    assert_eq!(server.hasher.checks(), 1);
}

#[tokio::test]
async fn sgn_08_a_huge_body_is_refused_unread() {
    let server = TestServer::start().await;
    let request = Request::post("/sign-in")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(vec![b'x'; 10 << 20]);
    server.send(request).await.assert_error_page(413, "");
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (0, 0));
}

#[tokio::test]
async fn sgn_09_a_full_hashing_queue_is_trouble_and_not_a_wrong_password() {
    let server = TestServer::start().await;
    let device = server.signed_in_device().await;
    server.hasher.be_busy(true);
    let mut browser = server.browser();
    let busy = attempt(&mut browser, "alice", "correct horse").await;
    busy.assert_status(503);
    assert!(busy.header("retry-after").is_some(), "{busy}");
    assert_eq!(browser.cookie("claviger_session"), None);
    // Whoever is signed in goes on.
    let aws = server.aws();
    aws.list_accounts(&device.tokens.access)
        .await
        .assert_status(200);
    let refreshed = aws
        .refresh(&device.client, device.tokens.refresh_token())
        .await;
    refreshed.assert_status(200);
    server.hasher.be_busy(false);
    attempt(&mut browser, "alice", "correct horse")
        .await
        .assert_status(303);
}

#[tokio::test]
async fn sgn_10_a_step_without_the_one_before_begins_again() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let good = form(&page, "/sign-in")
        .fill("user_name", "alice")
        .fill("password", "correct horse");
    let other = server.browser().get("/sign-in").await;
    let of_other = form(&other, "/sign-in")
        .value("next")
        .expect("a field")
        .to_owned();
    let client = server.aws().register().await;
    for (bad, status) in [
        (good.clone().without("next"), 400),
        (good.clone().fill("next", ""), 400),
        (good.clone().fill("next", "/start"), 400),
        (good.clone().fill("next", &of_other), 400),
        (good.clone().fill("next", &client.secret), 400),
        (good.clone().without("password"), 400),
        (good.clone().without("user_name"), 400),
        (
            good.clone()
                .without("next")
                .without("password")
                .without("user_name"),
            400,
        ),
    ] {
        let again = browser.submit(&bad).await;
        again.assert_status(status);
        // The form itself, fresh.
        form(&again, "/sign-in");
        assert_eq!(browser.cookie("claviger_session"), None);
    }
    // Without the cookie that ties the form to its browser.
    let mut stranger = server.browser();
    stranger.submit(&good).await.assert_status(400);
    // Too late by a second.
    server.clock.advance(600);
    browser.submit(&good).await.assert_status(400);
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (0, 0));
    assert_eq!(
        (server.rows().web_sessions(), server.rows().actions().len()),
        (0, 0)
    );
}

#[tokio::test]
async fn sgn_10_a_repeated_step_signs_nobody_in_twice() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let good = form(&page, "/sign-in")
        .fill("user_name", "alice")
        .fill("password", "correct horse");
    browser.submit(&good).await.assert_status(303);
    let session = browser
        .cookie("claviger_session")
        .expect("a cookie")
        .to_owned();
    // The form belongs to the browser's id before the sign-in, which is gone.
    let again = browser.submit(&good).await;
    again.assert_status(303);
    assert_eq!(again.header("location"), Some("/start"));
    assert_eq!(browser.cookie("claviger_session"), Some(session.as_str()));
    assert_eq!(
        (server.rows().web_sessions(), server.hasher.checks()),
        (1, 1)
    );
}

#[tokio::test]
async fn sgn_10_later_steps_ask_for_the_sign_in_first() {
    let server = TestServer::start().await;
    let mut alice = server.browser_of("alice").await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    let page = alice.look_up(&device.user_code).await;
    let approve = form(&page, "/device/approve");
    let before = server.rows().everything();
    // By a stranger, and by somebody else with her own sign-in.
    let refused = server.browser().submit(&approve).await;
    refused.assert_status(303);
    assert_eq!(refused.header("location"), Some("/sign-in?next=%2Fdevice"));
    assert_eq!(server.rows().everything(), before);
    let mut bob = server.browser_of("bob").await;
    let before = server.rows().everything();
    bob.submit(&approve).await.assert_error_page(403, "");
    assert_eq!(server.rows().everything(), before);
    alice.submit(&approve).await.assert_status(303);
}
