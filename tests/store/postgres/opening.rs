//! Making and opening stores.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use claviger_store::{
    driver::Driver as _,
    postgres::{OpenError, PostgresStore, address::Address},
    statement::{Plan, Query},
    value::{Row, Value},
};
use claviger_tests::{
    background::runtime,
    evidence::Evidence,
    postgres::{self, Place},
    proxy::{End, Proxy, Weather},
};

/// Opens what lies there.
async fn reopen(place: &Place) -> Result<PostgresStore, OpenError> {
    postgres::open(&place.address()).await
}

/// As the first release left it.
const FIRST_SCHEMA: &str = "DROP TABLE machine_keys; DROP TABLE replay; DROP INDEX users_by_email; \
     ALTER TABLE sessions DROP COLUMN parent; ALTER TABLE auth_codes DROP COLUMN nonce; \
     ALTER TABLE keyring DROP COLUMN rsa; \
     UPDATE meta SET value = '1' WHERE name = 'schema'";

#[tokio::test]
async fn a_store_is_made_once_and_opened_ever_after() {
    let place = Place::default();
    let missing = reopen(&place).await.err();
    assert!(
        matches!(missing, Some(OpenError::NotInitialised(_))),
        "{missing:?}"
    );
    let store = place.create().await;
    drop(store);
    let store = reopen(&place).await.expect("a store");
    store.health().expect("it is well");
    let address = Address::parse(&place.address()).expect("an address");
    let again = runtime().spawn(async move {
        let nothing = Plan::default();
        PostgresStore::create(address, "other", &nothing)
            .await
            .err()
    });
    let again = again.await.expect("no panic");
    assert!(
        matches!(again, Some(OpenError::AlreadyThere(_))),
        "{again:?}"
    );
    assert_eq!(
        place.sql("SELECT value FROM meta WHERE name = 'store_id'"),
        "suite"
    );
}

#[tokio::test]
async fn f24_a_store_of_a_newer_release_is_refused_and_left_alone() {
    let place = Place::default();
    drop(place.create().await);
    place.sql("UPDATE meta SET value = '99' WHERE name = 'schema'");
    let refused = reopen(&place).await.err().expect("a refusal").to_string();
    assert!(
        refused.contains("schema 99") && refused.contains("newer release"),
        "{refused}"
    );
    assert_eq!(
        place.sql("SELECT value FROM meta WHERE name = 'schema'"),
        "99"
    );
    Evidence::that("a schema of a later release, on PostgreSQL").print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_nodes_that_start_at_once_bring_a_store_forward_once() {
    let place = Place::default();
    drop(place.create().await);
    place.sql(FIRST_SCHEMA);
    let nodes = (0..4).map(|_| reopen(&place));
    for node in futures_util::future::join_all(nodes).await {
        node.expect("each of them opens it");
    }
    assert_eq!(
        place.sql("SELECT value FROM meta WHERE name = 'schema'"),
        "4"
    );
    assert_eq!(place.sql("SELECT count(*) FROM machine_keys"), "0");
    Evidence::that("four nodes started at once on a store of an earlier schema").print();
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_without_the_password() {
    let text = "postgres://claviger:hunter2@127.0.0.1:9/store";
    let refused = postgres::open(text).await.err();
    let refused = refused.expect("a refusal").to_string();
    assert!(
        refused.contains("127.0.0.1:9") && !refused.contains("hunter2"),
        "{refused}"
    );
}

/// The columns of each table, in order, with their kind.
type Columns = BTreeMap<String, Vec<(String, &'static str)>>;

fn kind(told: &str) -> &'static str {
    match told.to_lowercase().as_str() {
        "integer" | "bigint" => "integer",
        "text" => "text",
        "blob" | "bytea" => "bytes",
        other => panic!("a column of kind {other}"),
    }
}

fn collect(rows: &[Row]) -> Columns {
    let mut columns = Columns::new();
    for row in rows {
        let [Value::Text(table), Value::Text(column), Value::Text(told)] = row.0.as_slice() else {
            panic!("{row:?}");
        };
        let table = columns.entry(table.clone()).or_default();
        table.push((column.clone(), kind(told)));
    }
    columns
}

#[tokio::test]
async fn both_stores_have_the_same_tables() {
    let place = Place::default();
    let postgres = place.create().await;
    let query = Query::new(
        "SELECT table_name::text, column_name::text, data_type::text \
         FROM information_schema.columns WHERE table_schema = current_schema() \
         ORDER BY table_name, ordinal_position",
    );
    let here = collect(&postgres.fetch(query).await.expect("a read"));
    let sqlite = crate::sqlite::open().await;
    let query = Query::new(
        "SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' ORDER BY m.name, c.cid",
    );
    let there = collect(&sqlite.driver().fetch(query).await.expect("a read"));
    assert!(here.len() > 10);
    assert_eq!(here, there);
}

/// Of three hosts the first two accept connections and say nothing: longer, one after the other, than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_say_nothing_do_not_keep_us_from_the_primary() {
    let place = Place::default();
    drop(place.create().await);
    let ends = || vec![End::Unix(place.socket())];
    let (mute, deaf) = (Proxy::start(ends()).await, Proxy::start(ends()).await);
    for proxy in [&mute, &deaf] {
        proxy.turn(Weather::Held);
    }
    let good = Proxy::start(ends()).await;
    let silent = format!("{},{}", mute.address, deaf.address);
    let address = place.address_by(good.address);
    let address = address.replace("claviger@", &format!("claviger@{silent},"));
    let store = postgres::open(&address).await.expect("a store");
    let begun = Instant::now();
    store.fetch(Query::new("SELECT 1")).await.expect("a read");
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    assert!(
        mute.struck() > 0 && deaf.struck() > 0,
        "they were not asked"
    );
}

/// A dump reads every table for as long as it takes. A step that waited for it would keep everybody from reading.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_a_step_that_must_wait_for_a_reader_keeps_nobody_from_reading() {
    let place = Place::default();
    let store = place.create().await;
    place.sql(FIRST_SCHEMA);
    let text = place.address();
    let dump = std::thread::spawn({
        let place = place.another_hand();
        move || place.sql("BEGIN; SELECT count(*) FROM sessions; SELECT pg_sleep(4); COMMIT")
    });
    let reading = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                   WHERE c.relname = 'sessions' AND l.mode = 'AccessShareLock'";
    while place.sql(reading) == "0" {
        tokio::task::yield_now().await;
    }
    let opening = tokio::spawn(async move { postgres::open(&text).await });
    let (mut reads, mut slowest) = (0, Duration::ZERO);
    while !opening.is_finished() {
        let begun = Instant::now();
        let read = store
            .fetch(Query::new("SELECT count(*) FROM sessions"))
            .await;
        read.expect("a read");
        slowest = slowest.max(begun.elapsed());
        reads += 1;
    }
    opening
        .await
        .expect("no panic")
        .expect("it was brought forward");
    dump.join().expect("the dump");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(
        place.sql("SELECT value FROM meta WHERE name = 'schema'"),
        "4"
    );
    Evidence::that(format!(
        "a reader of four seconds before a schema step; the slowest other read took {slowest:.1?}"
    ))
    .answers(reads, 0, 0)
    .print();
}
