//! Attempts are counted before anything is hashed, by person and by network.

use std::collections::HashMap;

use claviger_engine::sign_in::{PasswordSignIn, with_password};
use claviger_model::{network::Requester, secret::Secret};
use claviger_tests::{
    TestServer,
    browser::{Browser, form},
    effort::rounds,
    http::Request,
    node::Node,
};
use futures_util::future::join_all;

/// A server behind a proxy at 127.0.0.1, so that attempts come from many networks.
async fn behind_a_proxy() -> TestServer {
    TestServer::builder().trusting("127.0.0.1/32").start().await
}

/// The status of one attempt.
async fn attempt(browser: &mut Browser, name: &str, password: &str) -> u16 {
    browser.sign_in(name, password).await.status.as_u16()
}

#[tokio::test]
async fn sgn_03_a_strangers_failures_lock_nobody_out() {
    let server = behind_a_proxy().await;
    let mut alice = server.browser().from("192.0.2.10");
    assert_eq!(attempt(&mut alice, "alice", "correct horse").await, 303);
    let mut stranger = server.browser().from("203.0.113.66");
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for number in 0..1000 {
        let status = attempt(&mut stranger, "alice", &format!("a wrong guess {number}")).await;
        *statuses.entry(status).or_default() += 1;
    }
    // The stranger is slowed: ten guesses in the window, the rest unhashed.
    assert_eq!(statuses, HashMap::from([(403, 10), (429, 990)]));
    assert_eq!(server.hasher.checks(), 11);
    // Alice's own browser has a bucket of its own, and succeeds at once, again and again.
    for _ in 0..20 {
        let page = alice.get("/sign-out").await;
        alice
            .submit(&form(&page, "/sign-out"))
            .await
            .assert_status(303);
        assert_eq!(attempt(&mut alice, "alice", "correct horse").await, 303);
    }
    // What proves a browser known proves nothing for somebody else, or under another key.
    let known = alice.cookie("claviger_known").expect("a cookie").to_owned();
    let mut thief = server.browser().from("203.0.113.66");
    thief.set_cookie("claviger_known", &known);
    assert_eq!(attempt(&mut thief, "bob", "a wrong guess").await, 403);
    for cookie in ["", "x", "cvb1.AAAA", &known.to_uppercase()] {
        thief.set_cookie("claviger_known", cookie);
        assert_eq!(attempt(&mut thief, "alice", "correct horse").await, 429);
    }
    // And a window later a new browser gets in as well.
    server.clock.advance(600);
    let mut fresh = server.browser().from("192.0.2.11");
    assert_eq!(attempt(&mut fresh, "alice", "correct horse").await, 303);
    assert_eq!(server.rows().recorded("user.disable"), 0);
}

#[tokio::test]
async fn sgn_03_a_known_browser_is_throttled_as_well() {
    let server = behind_a_proxy().await;
    let mut alice = server.browser().from("192.0.2.10");
    assert_eq!(attempt(&mut alice, "alice", "correct horse").await, 303);
    let known = alice.cookie("claviger_known").expect("a cookie").to_owned();
    let mut thief = server.browser().from("203.0.113.66");
    thief.set_cookie("claviger_known", &known);
    let checks = server.hasher.checks();
    for _ in 0..30 {
        attempt(&mut thief, "alice", "a wrong guess").await;
    }
    assert_eq!(server.hasher.checks(), checks + 10);
}

#[tokio::test]
async fn sgn_04_no_number_of_parallel_guesses_gets_past_the_limit() {
    let server = behind_a_proxy().await;
    let other = server.node("other").start().await;
    let (rounds, mut race) = (rounds(), server.switch.race());
    for round in 1..=rounds {
        // Many once; then as many as tell.
        let guesses = if round == 1 { 200 } else { 20 };
        race.round_begins();
        let statuses = guess_at_once(&server, &other, guesses).await;
        race.round_over();
        assert_eq!(statuses, HashMap::from([(403, 10), (429, guesses - 10)]));
        let checks = (server.hasher.checks(), server.hasher.dummies());
        assert_eq!(checks, (10 * round, 0));
        assert_eq!(server.rows().web_sessions(), 0);
        server.clock.advance(600);
    }
    race.over("SGN-04, guesses at one password");
}

/// So many wrong guesses at alice's password, of many networks and at two nodes; how they were answered.
async fn guess_at_once(server: &TestServer, other: &Node, guesses: usize) -> HashMap<u16, usize> {
    let count = guesses;
    let mut guesses = Vec::new();
    for number in 0..count {
        let address = format!("198.51.{}.{}", number % 20, number % 250);
        let browser = if number % 2 == 0 {
            server.browser()
        } else {
            other.browser()
        };
        let mut browser = browser.from(&address);
        let page = browser.get("/sign-in").await;
        guesses.push((browser, page, format!("a wrong guess {number}")));
    }
    let racers: Vec<_> = guesses
        .into_iter()
        .map(|(mut browser, page, guess)| {
            tokio::spawn(async move { browser.sign_in_at(&page, "alice", &guess).await })
        })
        .collect();
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for racer in racers {
        let answer = racer.await.expect("an answer");
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
    }
    statuses
}

#[tokio::test]
async fn sgn_04_an_attempt_is_counted_even_when_its_hash_never_runs() {
    let server = TestServer::start().await;
    server.hasher.be_busy(true);
    let mut browser = server.browser();
    for _ in 0..10 {
        assert_eq!(attempt(&mut browser, "alice", "a wrong guess").await, 503);
    }
    server.hasher.be_busy(false);
    assert_eq!(attempt(&mut browser, "alice", "a wrong guess").await, 429);
    assert_eq!(server.hasher.checks(), 0);
}

#[tokio::test]
async fn sgn_05_every_spelling_of_a_name_shares_one_count() {
    let server = TestServer::start().await;
    let mut browser = server.browser();
    let spellings = [
        "alice",
        "ALICE",
        "Alice",
        " alice ",
        "ａｌｉｃｅ",
        "aLiCe",
        "ＡＬＩＣＥ",
    ];
    for (number, name) in spellings.iter().cycle().take(30).enumerate() {
        let expected = if number < 10 { 403 } else { 429 };
        let status = attempt(&mut browser, name, "a wrong guess").await;
        assert_eq!(status, expected, "{number} {name}");
    }
    assert_eq!((server.hasher.checks(), server.hasher.dummies()), (10, 0));
    // Every spelling signs in as the one person.
    server.clock.advance(600);
    for name in spellings {
        let mut browser = server.browser();
        assert_eq!(
            attempt(&mut browser, name, "correct horse").await,
            303,
            "{name}"
        );
    }
    assert_eq!(server.rows().recorded("sign_in"), spellings.len());
    assert!(
        server
            .rows()
            .audit()
            .iter()
            .all(|entry| entry.actor != "ALICE")
    );
}

#[tokio::test]
async fn sgn_05_spellings_of_a_name_that_nobody_has_share_one_count_too() {
    // Else the eleventh spelling would tell a name that somebody has from one that nobody has.
    for spellings in [
        ["nobody", "NOBODY", "Nobody", " nobody ", "ｎｏｂｏｄｙ"],
        ["josé", "JOSÉ", "jose\u{301}", "JOSE\u{301}", "ｊｏｓé"],
    ] {
        let server = TestServer::start().await;
        let mut browser = server.browser();
        for (number, name) in spellings.iter().cycle().take(20).enumerate() {
            let expected = if number < 10 { 403 } else { 429 };
            let status = attempt(&mut browser, name, "a wrong guess").await;
            assert_eq!(status, expected, "{number} {name}");
        }
        assert_eq!((server.hasher.checks(), server.hasher.dummies()), (0, 10));
    }
}

#[tokio::test]
async fn sgn_05_a_success_gives_its_count_back() {
    let server = TestServer::start().await;
    for _ in 0..40 {
        let mut browser = server.browser();
        assert_eq!(attempt(&mut browser, "alice", "correct horse").await, 303);
    }
}

#[tokio::test]
async fn sgn_06_names_that_nobody_has_count_against_the_network() {
    let server = TestServer::builder()
        .trusting("127.0.0.1/32")
        .policy(|policy| policy.limits.sign_ins_per_network = 30)
        .start()
        .await;
    let mut stranger = server.browser().from("203.0.113.66");
    for number in 0..30 {
        let name = format!("guess-{number}");
        assert_eq!(attempt(&mut stranger, &name, "a wrong guess").await, 403);
    }
    // The whole /24, and whoever is asked for.
    let mut neighbour = server.browser().from("203.0.113.1");
    assert_eq!(
        attempt(&mut neighbour, "guess-x", "a wrong guess").await,
        429
    );
    assert_eq!(attempt(&mut neighbour, "alice", "correct horse").await, 429);
    let mut honest = server.browser().from("192.0.2.10");
    assert_eq!(attempt(&mut honest, "alice", "correct horse").await, 303);
}

#[tokio::test]
async fn sgn_06_guessing_names_fills_no_table() {
    let server = TestServer::builder()
        .policy(|policy| policy.limits.sign_ins_per_network = 1_000_000)
        .start()
        .await;
    let requester = Requester {
        address: "203.0.113.66".parse().expect("an address"),
        user_agent: None,
    };
    for batch in 0..12 {
        // All at once, so that many share a commit.
        let guesses = (0..500).map(|number| {
            let form = PasswordSignIn {
                user_name: format!("guess-{batch}-{number}"),
                password: Secret::from("a wrong guess"),
                known_browser: None,
            };
            with_password(&server.context, &requester, form)
        });
        assert!(join_all(guesses).await.iter().all(Result::is_err));
    }
    let rows = server.rows().count("SELECT count(*) FROM throttle");
    assert!((1_000..=4_097).contains(&rows), "{rows}");
    // The keys are MACs: no name and no address is to be read in them.
    let widths = server
        .rows()
        .count("SELECT count(*) FROM throttle WHERE length(key_mac) <> 16");
    assert_eq!(widths, 0);
}

/// The address under which the one sign-in was recorded.
fn recorded_address(server: &TestServer) -> Option<String> {
    let found = server.rows().audit().into_iter().rev();
    let mut found = found.filter(|entry| entry.action == "sign_in");
    found.next().and_then(|entry| entry.address)
}

#[tokio::test]
async fn sgn_07_what_a_stranger_forwards_is_ignored() {
    let server = TestServer::builder()
        .policy(|policy| policy.limits.sign_ins_per_network = 5)
        .start()
        .await;
    let long = "203.0.113.7, ".repeat(800);
    let spoofed = [
        "203.0.113.66",
        "a",
        "",
        "127.0.0.1, 203.0.113.66",
        &long,
        "198.51.100.1",
    ];
    for (number, address) in spoofed.iter().enumerate() {
        let mut browser = server.browser().from(address.trim_end());
        let expected = if number < 5 { 403 } else { 429 };
        assert_eq!(
            attempt(&mut browser, "nobody", "a wrong guess").await,
            expected,
            "{address}"
        );
    }
    server.clock.advance(600);
    let mut browser = server.browser().from("203.0.113.66");
    assert_eq!(attempt(&mut browser, "alice", "correct horse").await, 303);
    assert_eq!(recorded_address(&server).as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn sgn_07_a_proxy_of_ours_is_believed_as_far_as_it_can_be_read() {
    let server = TestServer::builder()
        .trusting("127.0.0.1/32")
        .trusting("10.0.0.0/8")
        .start()
        .await;
    let long = format!("{}203.0.113.9", "198.51.100.1, ".repeat(700));
    for (forwarded, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("a", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("203.0.113.9,", "127.0.0.1"),
        ("203.0.113.9:443", "127.0.0.1"),
        ("198.51.100.1, x, 10.1.2.3", "10.1.2.3"),
        (&long, "203.0.113.9"),
    ] {
        let mut browser = server.browser().from(forwarded);
        let status = attempt(&mut browser, "alice", "correct horse").await;
        assert_eq!(status, 303, "{forwarded}");
        assert_eq!(
            recorded_address(&server).as_deref(),
            Some(expected),
            "{forwarded}"
        );
    }
}

#[tokio::test]
async fn sgn_07_a_line_that_cannot_be_read_lends_no_weight_to_the_one_before() {
    let server = TestServer::builder().trusting("127.0.0.1/32").start().await;
    let mut browser = server.browser();
    let page = browser.get("/sign-in").await;
    let enter = form(&page, "/sign-in")
        .fill("user_name", "alice")
        .fill("password", "correct horse");
    // The proxy wrote at the end of the stranger's last line.
    let sent = Request::post("/sign-in")
        .header("X-Forwarded-For", "198.51.100.1")
        .header("X-Forwarded-For", "é, 203.0.113.9")
        .form(&enter.fields);
    browser.send(sent).await.assert_status(303);
    assert_eq!(recorded_address(&server).as_deref(), Some("203.0.113.9"));
    for unread in ["é", "203.0.113.9, é", "", "x"] {
        let mut browser = server.browser();
        let page = browser.get("/sign-in").await;
        let enter = form(&page, "/sign-in")
            .fill("user_name", "alice")
            .fill("password", "correct horse");
        let sent = Request::post("/sign-in")
            .header("X-Forwarded-For", "198.51.100.1")
            .header("X-Forwarded-For", unread)
            .form(&enter.fields);
        browser.send(sent).await.assert_status(303);
        assert_eq!(
            recorded_address(&server).as_deref(),
            Some("127.0.0.1"),
            "{unread}"
        );
    }
}
