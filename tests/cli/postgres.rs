//! `--store postgres://…`: the same service from a database that nodes share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use claviger_tests::{
    aws::Tokens,
    child,
    evidence::Evidence,
    http::{Connection, Request},
    instance::{PASSWORD, Service, sign_in_device},
    postgres::{Pair, Place},
    proxy::{End, Proxy, Weather},
    room::Room,
    shim::Shim,
};

fn service() -> (Place, Service) {
    let place = Place::default();
    let service = Service::init_in(Some(place.address()));
    (place, service)
}

#[tokio::test]
async fn what_one_node_begins_another_goes_on_with() {
    let (_place, first) = service();
    let second = first.further_node();
    let (running, other) = (first.serve().await, second.serve().await);
    let (here, there) = (first.aws(), second.aws());
    // A code is asked for at one, approved at the other, and redeemed at the first.
    let client = here.register().await;
    let device = here.start_device(&client).await;
    let mut browser = second.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    let approved = browser.approve(&device.user_code).await;
    approved.assert_status(303);
    let tokens = Tokens::of(&here.poll(&client, &device).await);
    there.list_accounts(&tokens.access).await.assert_status(200);
    // An answer that was lost is given again by whichever node is asked.
    let again = Tokens::of(&there.poll(&client, &device).await);
    assert_eq!(again.refresh_token(), tokens.refresh_token());
    let next = there.refresh(&client, tokens.refresh_token()).await;
    let next = Tokens::of(&next);
    here.list_accounts(&next.access).await.assert_status(200);
    // What ends at one has ended at the other, at once.
    here.logout(&next.access).await.assert_status(200);
    there
        .list_accounts(&next.access)
        .await
        .assert_error(401, "UnauthorizedException");
    there
        .refresh(&client, next.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    running.kill();
    other.kill();
}

/// Both calendars are within what is borne, and forty seconds from each other. What one node wrote would come
/// from the future at the other, and a retry be taken for theft, if they did not go by the database's.
#[tokio::test]
async fn f15_a_retry_at_a_node_that_is_behind_is_no_theft() {
    let (_place, mut first) = service();
    let mut second = first.further_node();
    Shim::before(&mut first).rule("clock 20");
    Shim::before(&mut second).rule("clock -20");
    let (running, other) = (first.serve().await, second.serve().await);
    let (here, there) = (first.aws(), second.aws());
    let (client, oldest) = first.sign_in_device().await;
    let older = Tokens::of(&here.refresh(&client, oldest.refresh_token()).await);
    let newest = Tokens::of(&here.refresh(&client, older.refresh_token()).await);
    let retried = there.refresh(&client, oldest.refresh_token()).await;
    let retried = Tokens::of(&retried);
    for access in [&newest.access, &retried.access] {
        there.list_accounts(access).await.assert_status(200);
    }
    // Both say that something is wrong.
    for node in [running, other] {
        node.stderr_line(|line| line.contains("clock is not the database's").then_some(()));
        node.kill();
    }
    Evidence::that("calendars forty seconds apart")
        .answers(5, 0, 0)
        .lost(0)
        .print();
}

#[tokio::test]
async fn a_node_that_is_killed_leaves_everything_to_the_others() {
    let (_place, first) = service();
    let second = first.further_node();
    let (running, other) = (first.serve().await, second.serve().await);
    let (client, tokens) = first.sign_in_device().await;
    running.kill();
    let next = second.aws().refresh(&client, tokens.refresh_token()).await;
    let next = Tokens::of(&next);
    // And it comes back to what happened without it.
    let running = first.serve().await;
    first
        .aws()
        .list_accounts(&next.access)
        .await
        .assert_status(200);
    running.kill();
    other.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_node_that_starts_anew_remembers_who_was_replaced() {
    let mut pair = Pair::default();
    let service = Service::init_in(Some(pair.address()));
    let running = service.serve().await;
    pair.kill_primary();
    pair.promote();
    // The second timeline.
    child::wait_until("it is remembered", || {
        service.remembers(5).as_deref() == Some("2")
    });
    running.kill();
    pair.raise_the_dead();
    pair.kill_standby();
    let ended = service.launch().end();
    ended.assert_code(75).assert_says(&[
        "the server is on timeline 1, but timeline 2 was seen",
        "a primary that was replaced",
    ]);
    Evidence::that("the first primary alone, and a node that starts").print();
}

#[tokio::test]
async fn a_command_for_another_store_changes_nothing_here() {
    let (place, service) = service();
    let running = service.serve().await;
    let elsewhere = "postgres://claviger@127.0.0.1:9/elsewhere";
    let disable = ["--store", elsewhere, "user", "disable", "alice"];
    let ended = service.admin(&disable);
    ended.assert_code(1).assert_says(&[
        "postgres://127.0.0.1:9/elsewhere; the server that runs on this data directory has postgres://",
        "Nothing was done",
    ]);
    let disabled = "SELECT count(*) FROM users WHERE state <> 'active'";
    assert_eq!(place.sql(disabled), "0");
    running.kill();
}

#[test]
fn administrators_need_no_running_node_and_are_told_who_backs_up() {
    let (place, service) = service();
    let listed = service.admin(&["user", "list"]);
    assert!(listed.assert_code(0).stdout.contains("alice"), "{listed}");
    let ended = service.admin(&["backup", "backup.db"]);
    ended
        .assert_code(1)
        .assert_says(&["no backup was made", "pg_dump"]);
    assert_eq!(
        place.sql("SELECT count(*) FROM users WHERE name = 'alice'"),
        "1"
    );
}

#[test]
fn init_leaves_an_existing_store_and_its_own_key_file_alone() {
    let (place, service) = service();
    let keys = service.room.read("keys");
    let mut again = Service::at(Room::new());
    again.store = service.store.clone();
    let ended = again.init_again();
    ended
        .assert_code(78)
        .assert_says(&["there is a store in", "already"]);
    assert!(
        !again.room.work().join("keys").exists(),
        "no key file for nothing"
    );
    assert_eq!(service.room.read("keys"), keys);
    assert_eq!(place.sql("SELECT count(*) FROM keyring"), "1");
}

/// Without a synchronous standby the last changes go with the primary. That is said beforehand, and afterwards.
#[tokio::test]
async fn f14_what_an_asynchronous_standby_had_not_received_is_reported() {
    let pair = Pair::default();
    pair.wait_for_nobody();
    let service = Service::init_in(Some(pair.address()));
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    let (aws, mut browser) = (service.aws(), service.browser());
    let (_, ended) = service.sign_in_device().await;
    let replicated = "SELECT count(*) FROM sessions";
    while pair.sql_at_second(replicated) != "2" {
        tokio::task::yield_now().await;
    }
    pair.lag();
    let lost = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    let gone = sign_in_device(&aws, &mut browser).await;
    aws.logout(&ended.access).await.assert_status(200);
    let newest = "SELECT max(seq) FROM audit WHERE node = \
                  (SELECT node FROM audit WHERE action = 'session.end')";
    let newest = pair.sql_at_first(newest);
    child::wait_until("it is remembered how far the store was", || {
        service.remembers(2).as_ref() == Some(&newest)
    });
    pair.kill_primary();
    pair.promote();
    while !service.is_ready().await {
        tokio::task::yield_now().await;
    }
    // A token that the store does not know yet goes on, alarmed; a session that it never heard of is over.
    let next = Tokens::of(&aws.refresh(&client, lost.refresh_token()).await);
    aws.list_accounts(&next.access).await.assert_status(200);
    let (client, gone) = gone;
    aws.refresh(&client, gone.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    let alarms = "SELECT count(*) FROM audit WHERE action = 'refresh.ahead'";
    assert_eq!(pair.sql_at_second(alarms), "1");
    running.stderr_line(|line| line.contains("no synchronous standby").then_some(()));
    // What was ended is good again, as the line says; an operator decides.
    running.stderr_line(|line| line.contains("gone back in time").then_some(()));
    let epoch = "SELECT value FROM meta WHERE name = 'store_epoch'";
    assert_eq!(pair.sql_at_second(epoch), "2");
    service.admin(&["sessions", "end", "--all"]).assert_code(0);
    aws.list_accounts(&ended.access).await.assert_status(401);
    running.kill();
    Evidence::that("an asynchronous standby without the last refresh and the last session: one goes on with an alarm, one is refused").print();
}

/// The standby is lost just then: the server has written all and says nothing.
#[tokio::test]
async fn init_keeps_the_key_file_where_there_may_be_a_store() {
    let pair = Pair::default();
    let mut service = Service::at(Room::new());
    service.store = Some(pair.address());
    pair.kill_standby();
    let ended = service.init_again();
    ended.assert_code(75).assert_says(&[
        "the store may have been made",
        "key file stays",
        "did not confirm",
        "synchronous standby",
    ]);
    pair.wait_for_nobody();
    // What was written is there as soon as nobody is waited for, and the key file is the one for it.
    let running = service.serve().await;
    running.terminate();
    running.end().assert_code(0);
    assert_eq!(pair.sql_at_first("SELECT count(*) FROM keyring"), "1");
}

/// The socket and the witness are one node's.
#[tokio::test]
async fn two_nodes_do_not_share_a_data_directory() {
    let (_place, mut service) = service();
    let running = service.serve().await;
    let other = service.further_node();
    (service.address, service.operators) = (other.address, other.operators);
    let ended = service.launch().end();
    assert_ne!(ended.status.code(), Some(0), "{ended}");
    ended.assert_says(&["another node has this data directory", "--data-dir"]);
    // The first one's is still there.
    service.admin(&["user", "list"]).assert_code(0);
    assert!(service.room.work().join("data/claviger.sock").exists());
    running.kill();
}

#[tokio::test]
async fn operators_are_told_where_commits_are_confirmed_by_one_machine_alone() {
    let (_place, service) = service();
    let running = service.serve().await;
    let ready = Connection::exchange(service.operators, "operators", &Request::get("/ready")).await;
    ready.assert_status(200);
    let caution = ready.member("caution");
    assert!(caution.contains("synchronous_standby_names"), "{caution}");
    running.kill();
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_its_password() {
    for (address, code, says) in [
        ("postgres://claviger:hunter2@", 1, "is not understood"),
        (
            "postgres://claviger:hunter2@db.example/store?sslmode=prefer",
            1,
            "sslmode=verify-full",
        ),
        (
            "postgres://claviger:hunter2@127.0.0.1:9/store",
            75,
            "cannot be reached",
        ),
    ] {
        let mut service = Service::at(claviger_tests::room::Room::new());
        service.store = Some(address.to_owned());
        let ended = service.init_again();
        ended.assert_code(code).assert_says(&[says]);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Two nodes behind a balancer that asks them whether they are ready; one is stopped under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_behind_a_balancer_a_stop_fails_no_request() {
    let (_place, first) = service();
    let second = first.further_node();
    let (running, other) = (first.serve().await, second.serve().await);
    let (_, tokens) = first.sign_in_device().await;
    let ends = [first.address, second.address].map(End::Tcp);
    let balancer = Arc::new(Proxy::start(ends.into()).await);
    let (served, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (served, stop) = (Arc::clone(&served), Arc::clone(&stop));
            let (address, host) = (balancer.address, first.address.to_string());
            let request = Request::get("/assignment/accounts")
                .header("x-amz-sso_bearer_token", &tokens.access);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = Connection::attempt(address, &host, &request).await;
                    answer.expect("an answer").assert_status(200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = |count| served.load(Ordering::Relaxed) + count;
    let until = async |due| {
        while served.load(Ordering::Relaxed) < due {
            tokio::task::yield_now().await;
        }
    };
    until(more(200)).await;
    running.terminate();
    let during = more(0);
    while first.is_ready().await {
        tokio::task::yield_now().await;
    }
    // The balancer has seen it.
    balancer.lead_to(1);
    let ended = running.end();
    ended.assert_code(0);
    until(more(200)).await;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no request failed");
    }
    let during = more(0) - during;
    assert!(during > 200, "{during} answers since the signal");
    Evidence::that("SIGTERM to one of two nodes behind a balancer")
        .answers(more(0), 0, 0)
        .print();
    other.kill();
}

/// What the store will never answer is given up in time, and the process ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_store_that_hangs_does_not_keep_a_node_from_its_end() {
    let place = Place::default();
    let way = Proxy::start(vec![End::Unix(place.socket())]).await;
    let service = Service::init_in(Some(place.address_by(way.address)));
    let running = service.serve().await;
    let (_, tokens) = service.sign_in_device().await;
    way.turn(Weather::Held);
    let aws = service.aws();
    let waiting = tokio::spawn(async move { aws.list_accounts(&tokens.access).await });
    while way.struck() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    running.terminate();
    running.end().assert_code(0);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    waiting.await.expect("an answer").assert_status(503);
    Evidence::that(format!(
        "SIGTERM while the store hangs; it ended after {took:.1?}"
    ))
    .answers(0, 1, 0)
    .print();
}
