//! Races over one refresh token: they converge on one successor, and none outlives a revocation.

use std::collections::BTreeSet;

use claviger_engine::admin;
use claviger_model::time::Lifetime;
use claviger_tests::{
    TestServer,
    aws::{Client, Tokens},
    browser::{Browser, form},
    effort::rounds,
};
use futures_util::future::join_all;

use super::scene::{AWAY, HOME, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ref_02_hundred_parallel_refreshes_converge() {
    let rounds = rounds();
    let scene = Scene::set().await;
    let node = scene.server.node("second").start().await;
    let mut last = scene.rotated(4).await.pop().expect("a fifth");
    assert_eq!(scene.generation(), 5);
    let mut race = scene.server.switch.race();
    for round in 1..=rounds {
        scene.server.clock.advance(20);
        let callers = [
            scene.at(HOME),
            node.aws().from(HOME),
            scene.at(AWAY),
            node.aws(),
        ];
        let refreshes = (0..100).map(|number| {
            let caller = callers.get(number % 4).expect("a caller");
            caller.refresh(&scene.client, last.refresh_token())
        });
        race.round_begins();
        let answers: Vec<Tokens> = join_all(refreshes).await.iter().map(Tokens::of).collect();
        race.round_over();
        assert_eq!(answers.len(), 100);
        let distinct: BTreeSet<_> = answers.iter().map(Tokens::refresh_token).collect();
        assert_eq!(distinct.len(), 1, "one successor");
        assert!(!distinct.contains(last.refresh_token()), "and a new one");
        let steps = i64::try_from(round).expect("few");
        assert_eq!(scene.generation(), 5 + steps, "one step");
        let written = "SELECT count(*) FROM sessions WHERE rot_at1 > rot_at2";
        assert_eq!(
            scene.server.rows().count(written),
            1,
            "one rotation remembered"
        );
        scene.assert_alive();
        for tokens in answers.iter().step_by(33) {
            scene.used(tokens).await;
        }
        last = answers.into_iter().next().expect("an answer");
    }
    assert_eq!(scene.server.rows().recorded("refresh.reuse"), 0);
    assert_eq!(scene.server.rows().recorded("refresh.late"), 0);
    race.over("REF-02, a hundred refreshes of one token");
}

/// Old and new token together, as processes with caches of different age send them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ref_06_parallel_refreshes_of_two_generations_converge() {
    const ROUNDS: usize = 20;
    let scene = Scene::set().await;
    let node = scene.server.node("second").start().await;
    let mut previous = scene.first.clone();
    for _ in 0..ROUNDS {
        scene.server.clock.advance(120);
        let current = scene.refresh(&previous).await;
        let before = scene.generation();
        let callers = [scene.at(HOME), node.aws().from(AWAY)];
        let refreshes = (0..16).map(|number| {
            let token = if number % 3 == 0 { &previous } else { &current };
            let caller = callers.get(number % 2).expect("a caller");
            caller.refresh(&scene.client, token.refresh_token())
        });
        let answers: Vec<Tokens> = join_all(refreshes).await.iter().map(Tokens::of).collect();
        // Who came before the rotation was told the current token, the others the next.
        let distinct: BTreeSet<_> = answers.iter().map(Tokens::refresh_token).collect();
        let newer: Vec<_> = distinct
            .iter()
            .filter(|token| **token != current.refresh_token())
            .collect();
        assert_eq!(newer.len(), 1, "{distinct:?}");
        assert_eq!(scene.generation(), before + 1);
        scene.assert_alive();
        previous = Tokens {
            refresh: Some((**newer.first().expect("one")).to_owned()),
            ..current
        };
    }
}

#[tokio::test]
async fn ref_09_with_no_grace_and_no_leniency_the_second_of_a_second_is_a_theft() {
    let scene = Scene::with(strict).await;
    let second = scene.refresh(&scene.first).await;
    scene.refused(HOME, scene.first.refresh_token()).await;
    scene.assert_stolen(&[&scene.first, &second]).await;
}

fn strict(policy: &mut claviger_engine::policy::Policy) {
    policy.aws_rotation.strict = true;
    policy.aws_rotation.grace = Lifetime::ZERO;
}

/// A window of nothing is no window for a clock that reads a little less either.
#[tokio::test]
async fn ref_09_no_grace_is_none_on_a_node_whose_clock_is_behind() {
    for behind in 1..=3 {
        let scene = Scene::with(strict).await;
        scene.server.clock.advance(100);
        let second = scene.refresh(&scene.first).await;
        scene.server.clock.advance(-behind);
        scene.refused(HOME, scene.first.refresh_token()).await;
        scene.assert_stolen(&[&scene.first, &second]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ref_09_strict_racers_get_one_answer_and_no_session() {
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let scene = Scene::with(strict).await;
        let node = scene.server.node("second").start().await;
        let (one, other) = (scene.at(HOME), node.aws().from(HOME));
        let token = scene.first.refresh_token();
        let (first, second) = tokio::join!(
            one.refresh(&scene.client, token),
            other.refresh(&scene.client, token)
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{first}\n{second}");
        let winner = Tokens::of(if first.status.is_success() {
            &first
        } else {
            &second
        });
        scene.assert_stolen(&[&scene.first, &winner]).await;
    }
}

/// Who ends the session while it is being refreshed.
#[derive(Clone, Copy, Debug)]
enum Ender {
    Logout,
    Person,
    Operator,
    Disabling,
    Theft,
}

const ENDERS: [Ender; 5] = [
    Ender::Logout,
    Ender::Person,
    Ender::Operator,
    Ender::Disabling,
    Ender::Theft,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ref_15_what_a_revocation_answered_no_refresh_undoes() {
    let rounds = 3 * rounds();
    let lift = |policy: &mut claviger_engine::policy::Policy| {
        policy.limits.devices_per_client = u32::MAX;
        policy.limits.sign_ins_per_user = u32::MAX;
    };
    let server = TestServer::builder()
        .policy(lift)
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let node = server.node("second").start().await;
    let client = server.aws().register().await;
    let mut browser = server.browser_of("alice").await;
    let (mut race, mut refreshed, mut refused) = (server.switch.race(), 0, 0);
    for round in 0..rounds {
        let ender = *ENDERS.get(round % ENDERS.len()).expect("an ender");
        let (old, tokens) = session(&server, &client, &mut browser).await;
        let (here, there) = (server.aws().from(HOME), node.aws().from(HOME));
        let racing = (0..6).map(|number| {
            let caller = if number % 2 == 0 { &here } else { &there };
            caller.refresh(&client, tokens.refresh_token())
        });
        let ending = end(&server, &client, &mut browser, ender, &old, &tokens);
        race.round_begins();
        let (answers, ()) = tokio::join!(join_all(racing), ending);
        race.round_over();
        let mut given = vec![old, tokens.clone()];
        for answer in &answers {
            if answer.status == 200 {
                refreshed += 1;
                given.push(Tokens::of(answer));
            } else {
                refused += 1;
                answer.assert_error(400, "InvalidGrantException");
            }
        }
        for tokens in &given {
            for caller in [&here, &there] {
                let told = caller.list_accounts(&tokens.access).await;
                assert_eq!(
                    told.status.as_u16(),
                    401,
                    "round {round}, {ender:?}: {told}"
                );
            }
            let told = there.refresh(&client, tokens.refresh_token()).await;
            told.assert_error(400, "InvalidGrantException");
        }
        assert_eq!(server.rows().live_sessions(), 0, "round {round}, {ender:?}");
        if matches!(ender, Ender::Disabling) {
            admin::user::enable(&server.context, "alice")
                .await
                .expect("enabled");
            browser = server.browser_of("alice").await;
        }
        server.clock.advance(60);
    }
    assert!(
        refreshed > 0 && refused > 0,
        "{refreshed} before, {refused} after"
    );
    race.over(&format!(
        "REF-15, an end and six refreshes ({refreshed} came before it, {refused} after)"
    ));
}

/// A session that has rotated once, out of all graces: its first and its current tokens.
async fn session(server: &TestServer, client: &Client, browser: &mut Browser) -> (Tokens, Tokens) {
    let aws = server.aws().from(HOME);
    let device = aws.start_device(client).await;
    browser.approve(&device.user_code).await.assert_status(303);
    let old = Tokens::of(&aws.poll(client, &device).await);
    server.clock.advance(1);
    let tokens = Tokens::of(&aws.refresh(client, old.refresh_token()).await);
    aws.list_accounts(&tokens.access).await.assert_status(200);
    server.clock.advance(120);
    (old, tokens)
}

async fn end(
    server: &TestServer,
    client: &Client,
    browser: &mut Browser,
    ender: Ender,
    old: &Tokens,
    tokens: &Tokens,
) {
    match ender {
        Ender::Logout => {
            server.aws().logout(&tokens.access).await.assert_status(200);
        }
        Ender::Person => {
            let page = browser.get("/sessions").await;
            browser
                .submit(&form(&page, "/sessions/end"))
                .await
                .assert_status(303);
        }
        Ender::Operator => {
            let live = admin::session::list(&server.context, None)
                .await
                .expect("a list");
            let (_, session) = live.first().expect("a session");
            admin::session::end(&server.context, session.id)
                .await
                .expect("ended");
        }
        Ender::Disabling => {
            admin::user::disable(&server.context, "alice")
                .await
                .expect("disabled");
        }
        // The first token, from elsewhere: one step back, used, out of grace; or two.
        Ender::Theft => {
            let told = server
                .aws()
                .from(AWAY)
                .refresh(client, old.refresh_token())
                .await;
            told.assert_error(400, "InvalidGrantException");
        }
    }
}
