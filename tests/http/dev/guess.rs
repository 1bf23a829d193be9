//! Guessing user codes: counted before the look-up, and no answer tells what a code was.

use claviger_tests::{
    TestServer,
    browser::{Browser, form},
    html,
    http::Response,
};
use futures_util::future::join_all;

/// A code that nobody has, different for each number.
fn wrong(number: usize) -> String {
    const LETTERS: [char; 20] = [
        'B', 'C', 'D', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W',
        'X', 'Z',
    ];
    let letter = |place: usize| {
        LETTERS
            .get(number / 20_usize.pow(u32::try_from(place).expect("small")) % 20)
            .expect("a letter")
    };
    (0..8).map(letter).collect()
}

async fn guess(browser: &mut Browser, from: usize, count: usize) {
    for number in from..from + count {
        browser.look_up(&wrong(number)).await.assert_status(404);
    }
}

#[tokio::test]
async fn dev_04_the_sixth_wrong_code_of_a_browser_has_to_wait() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    let mut browser = server.browser_of("alice").await;
    guess(&mut browser, 0, 5).await;
    let told = browser.look_up(&wrong(5)).await;
    told.assert_status(429);
    assert!(
        html::text(told.text()).contains("Wait ten minutes"),
        "{told}"
    );
    form(&told, "/device");
    // Now even the right one waits, or guessing would go on.
    browser.look_up(&device.user_code).await.assert_status(429);
    // Another browser of hers does not.
    let mut other = server.browser_of("alice").await;
    other.look_up(&device.user_code).await.assert_status(200);
    server.clock.advance(600);
    browser.look_up(&wrong(6)).await.assert_status(404);
}

#[tokio::test]
async fn dev_04_the_eleventh_wrong_code_of_a_person_has_to_wait() {
    let server = TestServer::start().await;
    for session in 0..2 {
        let mut browser = server.browser_of("alice").await;
        guess(&mut browser, session * 5, 5).await;
    }
    let mut third = server.browser_of("alice").await;
    third.look_up(&wrong(10)).await.assert_status(429);
    let mut bob = server.browser_of("bob").await;
    bob.look_up(&wrong(11)).await.assert_status(404);
}

#[tokio::test]
async fn dev_04_the_thirty_first_wrong_code_of_a_network_has_to_wait() {
    let many = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.wrong_codes_per_user = 1000;
    };
    let server = TestServer::builder()
        .policy(many)
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let sign_in = async |address: &str, name: &str, password: &str| {
        let mut browser = server.browser().from(address);
        browser.sign_in(name, password).await.assert_status(303);
        browser
    };
    for session in 0..6 {
        let mut browser = sign_in(&format!("192.0.2.{session}"), "alice", "correct horse").await;
        guess(&mut browser, session * 5, 5).await;
    }
    let mut neighbour = sign_in("192.0.2.200", "bob", "battery staple").await;
    neighbour.look_up(&wrong(30)).await.assert_status(429);
    let mut elsewhere = sign_in("198.51.100.1", "bob", "battery staple").await;
    elsewhere.look_up(&wrong(31)).await.assert_status(404);
}

#[tokio::test]
async fn dev_04_right_codes_are_never_counted() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let mut browser = server.browser_of("alice").await;
    for _ in 0..8 {
        let device = server.aws().start_device(&client).await;
        browser.look_up(&device.user_code).await.assert_status(200);
        browser.approve(&device.user_code).await.assert_status(303);
    }
    guess(&mut browser, 0, 5).await;
    browser.look_up(&wrong(5)).await.assert_status(429);
}

/// Counted before the look-up: parallel guesses are not more guesses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_04_parallel_guesses_get_no_further() {
    let server = TestServer::start().await;
    let node = server.node("second").start().await;
    let mut browser = server.browser_of("alice").await;
    let page = browser.get("/device").await;
    let look_up = form(&page, "/device");
    let guesses = (0..60).map(|number| {
        let mut browser = if number % 2 == 0 {
            browser.clone()
        } else {
            node.browser_like(&browser)
        };
        let sent = look_up.clone().fill("user_code", &wrong(number));
        async move { browser.submit(&sent).await.status.as_u16() }
    });
    let statuses = join_all(guesses).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 404).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        55,
        "{statuses:?}"
    );
}

#[tokio::test]
async fn dev_04_unknown_expired_used_and_denied_codes_look_the_same() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let (used, denied, approved, expired) = (
        server.aws().start_device(&client).await,
        server.aws().start_device(&client).await,
        server.aws().start_device(&client).await,
        server.aws().start_device(&client).await,
    );
    let mut browser = server.browser_of("alice").await;
    browser.approve(&used.user_code).await.assert_status(303);
    server.aws().poll(&client, &used).await.assert_status(200);
    browser.deny(&denied.user_code).await.assert_status(303);
    browser
        .approve(&approved.user_code)
        .await
        .assert_status(303);
    let mut pages = Vec::new();
    for typed in [
        &wrong(1),
        &used.user_code,
        &denied.user_code,
        &approved.user_code,
    ] {
        pages.push(plain(&browser.look_up(typed).await, typed));
    }
    server.clock.advance(700);
    pages.push(plain(
        &browser.look_up(&expired.user_code).await,
        &expired.user_code,
    ));
    claviger_engine::sweep::sweep(&server.context)
        .await
        .expect("a sweep");
    for typed in [&expired.user_code, &used.user_code] {
        pages.push(plain(&browser.look_up(typed).await, typed));
    }
    let first = pages.first().expect("a page").clone();
    assert!(
        first.contains("404") && first.contains("[typed]"),
        "{first}"
    );
    for page in pages {
        assert_eq!(page, first);
    }
}

/// A whole answer with the code that was typed named instead of shown.
fn plain(page: &Response, typed: &str) -> String {
    page.to_string().replace(typed, "[typed]")
}
