//! Races over one device code: however many ask, it is decided once and makes one session.

use std::{collections::BTreeSet, sync::Arc};

use claviger_model::port::clock::Clock as _;
use claviger_tests::{
    TestServer,
    aws::{Tokens, client},
    browser::form,
    clock::{ManualClock, START},
    effort::rounds,
};
use futures_util::future::join_all;
use serde_json::json;

/// Enough starts, sign-ins and codes for many rounds from one address.
fn lift(policy: &mut claviger_engine::policy::Policy) {
    policy.limits.devices = u32::MAX;
    policy.limits.devices_per_network = u32::MAX;
    policy.limits.devices_per_client = u32::MAX;
    policy.limits.sessions_per_user = u32::MAX;
    policy.limits.sign_ins_per_user = u32::MAX;
    // Who loses a race has typed a code that is none any more.
    policy.limits.wrong_codes_per_web_session = u32::MAX;
    policy.limits.wrong_codes_per_user = u32::MAX;
    policy.limits.wrong_codes_per_network = u32::MAX;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_14_sixty_four_parallel_polls_make_one_session() {
    let rounds = rounds();
    let server = TestServer::builder().policy(lift).start().await;
    let node = server.node("second").start().await;
    let client = server.aws().register().await;
    let mut browser = server.browser_of("alice").await;
    let mut race = server.switch.race();
    for round in 1..=rounds {
        let device = server.aws().start_device(&client).await;
        browser.approve(&device.user_code).await.assert_status(303);
        let (one, other) = (server.aws(), node.aws());
        let polls = (0..64).map(|number| {
            let aws = if number % 2 == 0 { &one } else { &other };
            aws.poll(&client, &device)
        });
        race.round_begins();
        let answers: Vec<Tokens> = join_all(polls).await.iter().map(Tokens::of).collect();
        race.round_over();
        let distinct: BTreeSet<_> = answers
            .iter()
            .map(|tokens| tokens.refresh.clone())
            .collect();
        assert_eq!(distinct.len(), 1);
        for tokens in answers.iter().step_by(21) {
            node.aws()
                .list_accounts(&tokens.access)
                .await
                .assert_status(200);
        }
        let sessions = i64::try_from(round).expect("few");
        assert_eq!(
            (server.rows().sessions(), server.rows().live_sessions()),
            (sessions, sessions)
        );
        assert_eq!(server.rows().recorded("session.start"), round);
    }
    race.over("DEV-14, sixty-four polls for one device");
}

#[tokio::test]
async fn dev_11_who_approves_first_has_it() {
    let server = TestServer::start().await;
    let client = server.aws().register().await;
    let device = server.aws().start_device(&client).await;
    let (mut alice, mut bob) = (
        server.browser_of("alice").await,
        server.browser_of("bob").await,
    );
    let to_alice = form(&alice.look_up(&device.user_code).await, "/device/approve");
    let to_bob = form(&bob.look_up(&device.user_code).await, "/device/approve");
    bob.submit(&to_bob).await.assert_status(303);
    let second = alice.submit(&to_alice).await;
    second.assert_status(404);
    let unknown = alice.look_up("BBBB-BBBB").await;
    unknown.assert_status(404);
    let words = |page: &claviger_tests::http::Response| claviger_tests::html::text(page.text());
    assert_eq!(words(&second), words(&unknown));
    // Nor may she take back what he gave.
    let deny = form(&bob.look_up("BBBB-BBBB").await, "/device");
    assert_eq!(deny.method, "post");
    let hers = to_alice.clone();
    let denial = claviger_tests::html::Form {
        action: "/device/deny".to_owned(),
        ..hers
    };
    alice.submit(&denial).await.assert_status(404);
    let tokens = Tokens::of(&server.aws().poll(&client, &device).await);
    let accounts = server
        .aws()
        .list_account_roles(&tokens.access, "444455556666")
        .await;
    assert!(
        accounts.text().contains("Admin"),
        "only bob is an Admin: {accounts}"
    );
    assert_eq!(server.rows().recorded("device.approve"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_11_two_nodes_decide_once() {
    let rounds = rounds();
    let server = TestServer::builder().policy(lift).start().await;
    let node = server.node("second").start().await;
    let scopes = json!(["sso:account:access"]);
    let body = json!({ "clientName": "aws-cli", "clientType": "public", "scopes": scopes });
    let client = client(&server.aws().register_with(body).await);
    let alice = server.browser_of("alice").await;
    let bob = server.browser_of("bob").await;
    let mut race = server.switch.race();
    for round in 0..rounds {
        let device = server.aws().start_device(&client).await;
        let (mut one, mut other) = (alice.clone(), node.browser_like(&bob));
        let approve = form(&one.look_up(&device.user_code).await, "/device/approve");
        let page = other.look_up(&device.user_code).await;
        let answer = form(
            &page,
            if round % 2 == 0 {
                "/device/approve"
            } else {
                "/device/deny"
            },
        );
        race.round_begins();
        let (first, second) = tokio::join!(one.submit(&approve), other.submit(&answer));
        race.round_over();
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 404], "{first}\n{second}");
        let polled = server.aws().poll(&client, &device).await;
        if first.status.as_u16() == 303 || round % 2 == 0 {
            let tokens = Tokens::of(&polled);
            let roles = server
                .aws()
                .list_account_roles(&tokens.access, "444455556666")
                .await;
            let bobs = second.status.as_u16() == 303;
            assert_eq!(
                roles.text().contains("Admin"),
                bobs,
                "the tokens are the winner's"
            );
        } else {
            polled.assert_error(400, "AccessDeniedException");
        }
    }
    assert_eq!(
        server.rows().recorded("device.approve") + server.rows().recorded("device.deny"),
        rounds
    );
    race.over("DEV-11, two people and one device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_13_taking_back_races_with_the_redemption_and_one_of_them_wins() {
    let rounds = rounds();
    let server = TestServer::builder().policy(lift).start().await;
    let node = server.node("second").start().await;
    let client = server.aws().register().await;
    let mut alice = server.browser_of("alice").await;
    let (mut race, mut denials, mut redemptions) = (server.switch.race(), 0, 0);
    for round in 0..rounds {
        let device = server.aws().start_device(&client).await;
        let approved = alice.approve(&device.user_code).await;
        let done = alice.follow(&approved).await;
        let deny = form(&done, "/device/deny");
        let before = server.rows().sessions();
        let other = node.aws();
        race.round_begins();
        // Each is the first to go once.
        let (polled, denied) = if round % 2 == 0 {
            tokio::join!(other.poll(&client, &device), alice.submit(&deny))
        } else {
            let (denied, polled) = tokio::join!(alice.submit(&deny), other.poll(&client, &device));
            (polled, denied)
        };
        race.round_over();
        let gave = server.rows().sessions() - before;
        if denied.status.as_u16() == 303 {
            polled.assert_error(400, "AccessDeniedException");
            assert_eq!(gave, 0);
            denials += 1;
        } else {
            denied.assert_status(404);
            Tokens::of(&polled);
            assert_eq!(gave, 1);
            redemptions += 1;
        }
    }
    race.over(&format!(
        "DEV-13, a denial and a redemption ({denials} denied, {redemptions} redeemed)"
    ));
}

/// The last seconds of a code, at nodes whose clocks are thirty seconds apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_12_in_its_last_seconds_a_code_is_decided_once_and_page_and_poll_agree() {
    let rounds = rounds();
    let server = TestServer::builder().policy(lift).start().await;
    let ahead = Arc::<ManualClock>::default();
    let node = server.node("ahead").clock(Arc::clone(&ahead)).start().await;
    let client = server.aws().register().await;
    let mut race = server.switch.race();
    // Half of them are late.
    for round in 0..2 * rounds {
        let mut here = server.browser_of("alice").await;
        let mut there = node.browser_like(&server.browser_of("bob").await);
        let device = server.aws().start_device(&client).await;
        server.clock.advance(569);
        ahead.set(server.clock.now().epoch_seconds() - START + 30);
        let approve = form(&here.look_up(&device.user_code).await, "/device/approve");
        let deny = form(&there.look_up(&device.user_code).await, "/device/deny");
        // In every other round the node ahead is past the end when the button is pressed.
        let late = round % 2 == 1;
        ahead.advance(i64::from(late));
        race.round_begins();
        let (approved, denied) = tokio::join!(here.submit(&approve), there.submit(&deny));
        let polled = server.aws().poll(&client, &device).await;
        if !late {
            race.round_over();
        }
        if approved.status == 303 {
            denied.assert_status(404);
            Tokens::of(&polled);
        } else {
            assert!(!late, "it was in time here: {approved}");
            denied.assert_status(303);
            polled.assert_error(400, "AccessDeniedException");
        }
        server.clock.advance(60);
    }
    let decided = server.rows().recorded("device.approve") + server.rows().recorded("device.deny");
    assert_eq!(decided, 2 * rounds);
    race.over("DEV-12, both answers in a code's last second");
}
