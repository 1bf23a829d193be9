//! `claviger admin store copy`: a service moves from its data directory to a PostgreSQL, and nobody notices.

use claviger_tests::{
    aws::Tokens,
    instance::{PASSWORD, Service},
    postgres::Place,
    proxy::{End, Proxy, Weather},
};

use crate::transcript::assert_transcript;

/// Copies the store of a service that has stopped.
fn copy(service: &Service, to: &str) -> claviger_tests::child::Ended {
    service.admin(&["store", "copy", "--store", to])
}

#[tokio::test]
async fn whoever_is_signed_in_goes_on_after_the_move() {
    let mut service = Service::init();
    let place = Place::default();
    let running = service.serve().await;
    let (client, tokens) = service.sign_in_device().await;
    let (other, ended) = service.sign_in_device().await;
    service.aws().logout(&ended.access).await.assert_status(200);
    let waiting = service.aws().start_device(&client).await;
    let mut browser = service.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);

    let refused = copy(&service, &place.address());
    refused
        .assert_code(75)
        .assert_says(&["in use by another process; stop it first"]);
    running.terminate();
    running.end().assert_code(0);
    let copied = service.admin(&["store", "copy", "--json", "--store", &place.address()]);
    let tables = copied.assert_code(0).json();
    let rows = |name: &str| {
        let tables = tables["tables"].as_array().expect("tables");
        let table = tables.iter().find(|table| table["table"] == name);
        table.and_then(|table| table["rows"].as_i64())
    };
    assert_eq!((rows("sessions"), rows("users")), (Some(2), Some(2)));
    for table in ["sessions", "users", "audit", "keyring", "meta", "roles"] {
        let there = place.sql(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows(table), there.parse().ok(), "{table}");
    }

    service.store = Some(place.address());
    let running = service.serve().await;
    let aws = service.aws();
    aws.list_accounts(&tokens.access).await.assert_status(200);
    let next = Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&next.access).await.assert_status(200);
    aws.refresh(&other, ended.refresh_token())
        .await
        .assert_error(400, "InvalidGrantException");
    // The browser is still signed in, and the code that waited still waits.
    browser.approve(&waiting.user_code).await.assert_status(303);
    Tokens::of(&aws.poll(&client, &waiting).await);
    running.kill();
}

#[test]
fn a_store_is_never_copied_over_another() {
    let (service, place) = (Service::init(), Place::default());
    let other = Service::init_in(Some(place.address()));
    let before = place.rows().everything();
    let refused = copy(&service, &place.address());
    refused
        .assert_code(78)
        .assert_says(&["there is a store in", "already"]);
    assert_eq!(place.rows().everything(), before);
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_breaks_leaves_nothing_and_the_next_attempt_works() {
    let (service, place) = (Service::init(), Place::default());
    let proxy = Proxy::start(vec![End::Unix(place.socket())]).await;
    let by_proxy = place.address_by(proxy.address);
    for bytes in [2_000, 6_000, 12_000] {
        proxy.turn(Weather::AnswersCutAfter(bytes));
        copy(&service, &by_proxy).assert_code(75);
        let tables =
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";
        assert_eq!(place.sql(tables), "0", "cut after {bytes} bytes");
    }
    assert!(proxy.struck() > 0);
    proxy.turn(Weather::Fair);
    copy(&service, &by_proxy).assert_code(0);
    assert_ne!(place.sql("SELECT count(*) FROM users"), "0");
}

#[test]
fn where_to_must_be_said() {
    let service = Service::init();
    assert_transcript!("store_copy_nowhere", service.admin(&["store", "copy"]));
}
