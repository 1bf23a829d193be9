//! What waits goes together, and each gets its own answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_store::{
    driver::Driver as _,
    error::Error,
    postgres::{PostgresStore, address::Address},
    repository::{
        session::{self, Rotation},
        user,
    },
    statement::{Applied, Plan, Query, Statement},
    value::{Row, Value},
};
use claviger_tests::postgres::{self, Place};
use futures_util::{FutureExt as _, future::join_all};

use super::add_people;
use crate::fixture::{at, session as a_session, user as a_user};

/// On the test's own thread: the store takes nothing while the test does not wait.
async fn with_people(count: u8) -> (Place, PostgresStore) {
    let place = Place::default();
    let address = Address::parse(&place.address()).expect("an address");
    let store = PostgresStore::create(address, "suite", &Plan::default()).await;
    let store = store.expect("a new store");
    add_people(&store, count).await;
    (place, store)
}

/// Sets the epoch of a person who has another one.
fn setting(number: u8, epoch: i64) -> Plan {
    let sql = "UPDATE users SET user_epoch = $2 WHERE uid = $1 AND user_epoch <> $2";
    let statement = Statement::one(sql).bind(a_user(number).id.as_bytes());
    Plan::of(statement.bind(epoch))
}

/// What becomes of plans that are all there before the store takes the first: up to thirty are begun in one breath.
async fn all(store: &PostgresStore, plans: Vec<Plan>) -> Vec<Result<Applied, Error>> {
    join_all(plans.into_iter().map(|plan| store.apply(plan))).await
}

#[tokio::test]
async fn writes_that_wait_share_a_commit_and_are_each_judged() {
    let (place, store) = with_people(26).await;
    let odd = (1..=26).filter(|number| number % 2 == 1);
    for applied in all(&store, odd.map(|number| setting(number, 7)).collect()).await {
        assert!(applied.expect("a write").is_whole());
    }
    // Of these, half have it already, and four do not exist.
    let answers = all(&store, (1..=30).map(|number| setting(number, 7)).collect()).await;
    for (number, applied) in (1..=30_u8).zip(answers) {
        let due = number % 2 == 0 && number <= 26;
        let applied = applied.expect("a write");
        assert_eq!(applied.is_whole(), due, "{number}: {applied:?}");
    }
    assert_eq!(place.sql("SELECT DISTINCT user_epoch FROM users"), "7");
    let commits = place.sql("SELECT count(DISTINCT xmin::text) FROM users");
    assert_eq!(commits, "2", "one commit each time");
}

#[tokio::test]
async fn of_writes_to_the_same_row_that_wait_together_one_wins() {
    let (place, store) = with_people(3).await;
    let plans = (0..30).map(|step| setting(1 + step % 3, 9)).collect();
    let won = all(&store, plans).await.into_iter();
    let won = won.filter(|applied| applied.as_ref().expect("a write").is_whole());
    assert_eq!(won.count(), 3);
    // Counted, each of them.
    let plans = (0..30).map(|step| user::raising_epoch(a_user(1 + step % 3).id));
    for applied in all(&store, plans.map(Plan::of).collect()).await {
        assert!(applied.expect("a write").is_whole());
    }
    assert_eq!(place.sql("SELECT DISTINCT user_epoch FROM users"), "19");
}

#[tokio::test]
async fn a_write_that_touches_too_much_takes_nobody_with_it() {
    for (sql, many, one, another) in [
        // Its rows are not named by a key: it is said of each.
        (
            "UPDATE users SET user_epoch = user_epoch + 1 WHERE name LIKE $1",
            "user-%",
            "user-1",
            "user-2",
        ),
        // A key, as far as the text tells, that several rows have.
        (
            "UPDATE users SET user_epoch = user_epoch + 1 WHERE display_name = $1",
            "Both",
            "One",
            "Two",
        ),
    ] {
        touch(sql, [one, many, another]).await;
    }
}

async fn touch(sql: &'static str, named: [&str; 3]) {
    let (place, store) = with_people(2).await;
    place.sql("UPDATE users SET display_name = CASE name WHEN 'user-1' THEN 'One' ELSE 'Two' END");
    place.sql(
        "INSERT INTO users (uid, name, name_key, display_name, state, user_epoch, created_at) \
         SELECT decode(md5(n::text), 'hex'), 'both-' || n, 'both-' || n, 'Both', 'active', 0, 0 \
         FROM generate_series(1, 2) n",
    );
    let raising = named.map(|name| Plan::of(Statement::one(sql).bind(name)));
    let answers = all(&store, raising.to_vec()).await;
    let whole: Vec<bool> = answers
        .into_iter()
        .map(|applied| applied.expect("an answer").is_whole())
        .collect();
    assert_eq!(whole, [true, false, true]);
    let raised = "SELECT string_agg(name, ',' ORDER BY name) FROM users WHERE user_epoch = 1";
    assert_eq!(place.sql(raised), "user-1,user-2");
    assert_eq!(place.sql("SELECT sum(user_epoch) FROM users"), "2");
}

#[tokio::test]
async fn what_cannot_be_said_of_many_is_said_of_each() {
    let (place, store) = with_people(5).await;
    let sql =
        "UPDATE users SET user_epoch = (SELECT count(*) FROM users WHERE uid = $1) WHERE uid = $1";
    for _ in 0..2 {
        let plans =
            (1..=6).map(|number| Plan::of(Statement::one(sql).bind(a_user(number).id.as_bytes())));
        let answers = all(&store, plans.collect()).await.into_iter();
        let whole: Vec<bool> = answers
            .map(|applied| applied.expect("an answer").is_whole())
            .collect();
        assert_eq!(whole, [true, true, true, true, true, false]);
    }
    assert_eq!(place.sql("SELECT DISTINCT user_epoch FROM users"), "1");
    let broken = Query::new("SELECT no_such_column FROM users WHERE uid = $1");
    let asked = (0..3).map(|_| store.fetch(broken.clone().bind(&[0; 16])));
    for answer in join_all(asked).await {
        assert!(matches!(answer, Err(Error::Statement(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_write_that_waits_for_a_row_keeps_nobody_else_waiting() {
    let (place, store) = with_people(40).await;
    let hand = place.another_hand();
    let lock = std::thread::spawn(move || {
        hand.sql(
            "BEGIN; UPDATE users SET state = state WHERE name = 'user-7'; \
                  SELECT pg_sleep(1.5); ROLLBACK",
        )
    });
    let is_held = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%user-7%pg_sleep(1.5)%' \
                   AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()";
    while place.sql(is_held) == "0" {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let took = (1..=40).map(async |number| {
        let applied = store.apply(setting(number, 3)).await;
        assert!(applied.expect("a write").is_whole());
        (number, begun.elapsed())
    });
    for (number, took) in join_all(took).await {
        let is_held = took > Duration::from_millis(700);
        assert_eq!(is_held, number == 7, "{number} took {took:?}");
    }
    lock.join().expect("it is let go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_write_the_same_rows_together_lose_and_double_nothing() {
    let (place, first) = with_people(50).await;
    let second = postgres::open(&place.address()).await.expect("a node");
    let nodes = [Arc::new(first), Arc::new(second)];
    for _ in 0..10 {
        let both = nodes.iter().enumerate().map(|(node, store)| {
            let store = Arc::clone(store);
            // In opposite orders, as far as whoever asks is concerned.
            let mut numbers: Vec<u8> = (1..=50).collect();
            if node == 1 {
                numbers.reverse();
            }
            tokio::spawn(async move {
                let raising = numbers
                    .into_iter()
                    .map(|number| Plan::of(user::raising_epoch(a_user(number).id)));
                for applied in all(&store, raising.collect()).await {
                    assert!(applied.expect("a write").is_whole());
                }
            })
        });
        for node in join_all(both).await {
            node.expect("no panic");
        }
    }
    assert_eq!(place.sql("SELECT DISTINCT user_epoch FROM users"), "20");
}

/// Whether the last that one of the store's connections was asked is said of a list, and has this in it.
fn was_one(place: &Place, word: &str) -> bool {
    let asked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' \
         AND query LIKE '%unnest%' AND query LIKE '%{word}%'",
        place.schema()
    );
    place.sql(&asked) != "0"
}

fn values(rows: Result<Vec<Row>, Error>) -> Vec<Vec<Value>> {
    rows.expect("a read").into_iter().map(|row| row.0).collect()
}

#[tokio::test]
async fn reads_that_wait_together_get_what_each_asked_for() {
    let (place, store) = with_people(30).await;
    for (sql, is_one) in [
        (
            "SELECT name, user_epoch FROM users WHERE name_key >= $1 AND name_key < $1 || $2",
            true,
        ),
        ("SELECT count(*), $2 FROM users WHERE name_key < $1", true),
        // An order is promised to one alone.
        (
            "SELECT name FROM users WHERE name_key >= $1 AND name <> $2 ORDER BY name_key DESC LIMIT 3",
            false,
        ),
    ] {
        let asked: Vec<Query> = (0..=35)
            .map(|number| Query::new(sql).bind(format!("user-{number}")).bind("x"))
            .collect();
        let mut alone = Vec::new();
        for query in &asked {
            alone.push(values(store.fetch(query.clone()).await));
        }
        assert!(!was_one(&place, "name_key"), "{sql}");
        let together = join_all(asked.into_iter().map(|query| store.fetch(query))).await;
        let mut together: Vec<_> = together.into_iter().map(values).collect();
        assert_eq!(was_one(&place, "name_key"), is_one, "{sql}");
        if is_one {
            for rows in together.iter_mut().chain(&mut alone) {
                rows.sort();
            }
        }
        assert_eq!(together, alone, "{sql}");
        assert!(alone.iter().any(|rows| !rows.is_empty()));
        // Somebody else's text, so that the next one begins with none of these.
        join_all((0..16).map(|_| store.fetch(Query::new("SELECT 1")))).await;
    }
}

fn first_rotation() -> Rotation {
    Rotation {
        from: 1,
        to: 2,
        epoch: 1,
        network: [0; 8],
        idle_expires_at: at(500),
    }
}

#[tokio::test]
async fn what_every_refresh_asks_for_goes_as_one() {
    let (place, store) = with_people(2).await;
    let numbers = || (1..=20).map(|number| a_session(number).id);
    let found = join_all(numbers().map(|id| session::with_user(&store, id))).await;
    assert!(found.iter().all(|found| matches!(found, Ok(None))));
    assert!(was_one(&place, "late_answers"), "the read");
    let plans = (1..=20).map(|number| {
        let session = a_session(number);
        Plan::of(session::rotating(&session, &first_rotation(), at(2)))
    });
    for applied in all(&store, plans.collect()).await {
        assert!(
            !applied.expect("an answer").is_whole(),
            "there is no session"
        );
    }
    assert!(was_one(&place, "UPDATE sessions SET gen"), "the write");
}

/// What the server has done in a table: rows looked up by index, and walks through all of it.
async fn looked_up(place: &Place, table: &str) -> [i64; 2] {
    // Connections tell the statistics when they end.
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'",
        place.schema()
    );
    while place.sql(&open) != "0" {
        tokio::task::yield_now().await;
    }
    let count = |what: &str| {
        let sql = format!(
            "SELECT {what} FROM pg_stat_user_tables WHERE relname = '{table}' AND schemaname = '{}'",
            place.schema()
        );
        place.sql(&sql).parse().expect("a number")
    };
    [count("idx_scan"), count("seq_scan")]
}

#[tokio::test]
async fn rows_of_a_list_are_looked_up_whatever_the_server_knows_of_the_table() {
    let (place, store) = with_people(1).await;
    place.sql("ALTER TABLE sessions SET (autovacuum_enabled = false)");
    for number in 1..=20 {
        let added = store.apply(Plan::of(session::starting(&a_session(number))));
        assert!(added.await.expect("a write").is_whole());
    }
    // So many that going through them all seems cheaper.
    place.sql(
        "INSERT INTO sessions SELECT (jsonb_populate_record(NULL::sessions, \
         to_jsonb(s) || jsonb_build_object('sid', '\\x' || md5(n::text)))).* \
         FROM (SELECT * FROM sessions LIMIT 1) s, generate_series(1, 980) n",
    );
    drop(store);
    let [people, _] = looked_up(&place, "users").await;
    let [_, walks] = looked_up(&place, "sessions").await;
    let store = postgres::open(&place.address()).await.expect("a node");
    let plans = (1..=20).map(|number| {
        Plan::of(session::rotating(
            &a_session(number),
            &first_rotation(),
            at(101),
        ))
    });
    for applied in all(&store, plans.collect()).await {
        assert!(applied.expect("an answer").is_whole());
    }
    drop(store);
    let [now, _] = looked_up(&place, "users").await;
    assert_eq!(now - people, 20, "one for each");
    assert_eq!(looked_up(&place, "sessions").await[1], walks);
}

#[tokio::test]
async fn who_hung_up_before_it_was_taken_has_changed_nothing() {
    let (place, store) = with_people(3).await;
    let hung_up = store.apply(setting(1, 5));
    let stays = store.apply(setting(2, 5));
    {
        let hung_up = std::pin::pin!(hung_up);
        // It stands in the queue, and nobody has looked there yet.
        assert!(hung_up.now_or_never().is_none());
    }
    assert!(stays.await.expect("a write").is_whole());
    let epochs = "SELECT string_agg(user_epoch::text, ',' ORDER BY name) FROM users";
    assert_eq!(place.sql(epochs), "0,5,0");
}
