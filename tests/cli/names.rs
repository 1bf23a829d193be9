//! A name server that says nothing: whoever needs a name waits for so long and no longer, and nobody else does.

use std::time::{Duration, Instant};

use claviger_tests::{
    evidence::Evidence,
    http::{Connection, Request},
    instance::Service,
    postgres::Place,
    proxy::{End, Proxy},
    shim::Shim,
};

/// Longer than any test waits.
const SILENT: &str = "resolve localhost 1+ delay 60000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f27_a_name_of_the_database_that_nobody_resolves_costs_seconds() {
    let place = Place::default();
    let proxy = Proxy::start(vec![End::Unix(place.socket())]).await;
    let by_name = place
        .address_by(proxy.address)
        .replace("127.0.0.1", "localhost");
    let mut service = Service::init_in(Some(by_name));
    let shim = Shim::before(&mut service);
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    shim.rule(SILENT);
    assert!(place.cut() > 0);
    let aws = service.aws();
    // The first may still meet a connection that is open.
    let mut refused = 0;
    while refused < 3 {
        let asked = Instant::now();
        let answer = aws.list_accounts(&tokens.access).await;
        let took = asked.elapsed();
        assert!(took < Duration::from_millis(3_500), "{took:?}");
        if answer.status.as_u16() != 200 {
            answer.assert_status(503);
            refused += 1;
        }
    }
    assert!(!service.is_ready().await);
    let live = Connection::exchange(service.operators, "operators", &Request::get("/live")).await;
    live.assert_status(200);
    assert!(!shim.struck().is_empty(), "no name was asked for");
    shim.stop();
    let healed = Instant::now();
    while !service.is_ready().await {
        assert!(
            healed.elapsed() < Duration::from_secs(5),
            "it does not come back"
        );
        tokio::task::yield_now().await;
    }
    let recovery = healed.elapsed();
    aws.list_accounts(&tokens.access).await.assert_status(200);
    aws.refresh(&client, tokens.refresh_token())
        .await
        .assert_status(200);
    // Threads still wait for an answer about names; the process does not.
    let ending = Instant::now();
    running.terminate();
    running.end().assert_code(0);
    let took = ending.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    Evidence::that("the database's name, asked for in vain")
        .lost(0)
        .recovered_in(recovery)
        .print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f27_a_name_of_the_sts_that_nobody_resolves_is_waited_for_by_nobody_else() {
    let mut service = Service::init();
    let issuer = service.issuer();
    let settings = "[targets.aws]\nendpoint = \"http://localhost:9\"\n\
                    access_key_id = \"test\"\nsecret_access_key = \"test\"\n";
    service = service.known_as(&issuer, settings);
    let shim = Shim::before(&mut service);
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    shim.rule(SILENT);
    let (aws, asked) = (service.aws(), Instant::now());
    let vending = tokio::spawn({
        let (aws, access) = (service.aws(), tokens.access.clone());
        async move {
            aws.role_credentials(&access, "111122223333", "Developer")
                .await
        }
    });
    let mut meanwhile = 0;
    while !vending.is_finished() {
        let begun = Instant::now();
        aws.list_accounts(&tokens.access).await.assert_status(200);
        aws.refresh(&client, tokens.refresh_token())
            .await
            .assert_status(200);
        let took = begun.elapsed();
        assert!(
            took < Duration::from_secs(2),
            "{took:?} for two that need no name"
        );
        meanwhile += 1;
    }
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert!(meanwhile > 1, "{meanwhile} calls meanwhile");
    let answer = vending.await.expect("no panic");
    assert!([429, 503].contains(&answer.status.as_u16()), "{answer}");
    assert!(!shim.struck().is_empty(), "no name was asked for");
    running.kill();
    Evidence::that(format!(
        "the STS's name, asked for in vain; {meanwhile} calls meanwhile"
    ))
    .print();
}
