//! F25: the way to the database breaks as networks do. Nothing is acknowledged that was not done, nobody waits
//! longer than promised, and what is cut off comes back by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claviger_store::{
    driver::Driver as _,
    error::Error,
    postgres::PostgresStore,
    repository::user,
    statement::{Applied, Plan},
};
use claviger_tests::{
    evidence::Evidence,
    postgres::{self, Place},
    proxy::{End, Proxy, Weather},
};

use crate::fixture::{at, user as a_user};

/// R11 says two seconds; this machine may take a moment of its own.
const NOTICED: Duration = Duration::from_millis(2_300);

/// Twice what the pool holds.
const MANY: usize = 32;

async fn behind_a_proxy() -> (Place, Proxy, Arc<PostgresStore>) {
    let place = Place::default();
    let store = place.create().await;
    let added = store.apply(Plan::of(user::adding(&a_user(1), at(1)))).await;
    assert!(added.expect("a write").is_whole());
    drop(store);
    let proxy = Proxy::start(vec![End::Unix(place.socket())]).await;
    let store = postgres::open(&place.address_by(proxy.address)).await;
    let store = store.expect("a store");
    (place, proxy, Arc::new(store))
}

/// Raises the person's epoch so many times at once; every answer, and how long the slowest took.
async fn raise(
    store: &Arc<PostgresStore>,
    times: usize,
) -> (Vec<Result<Applied, Error>>, Duration) {
    let begun = Instant::now();
    let raising = (0..times).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let plan = Plan::of(user::raising_epoch(a_user(1).id));
            store.apply(plan).await
        })
    });
    let answers = futures_util::future::join_all(raising).await;
    let answers = answers.into_iter().map(|answer| answer.expect("no panic"));
    (answers.collect(), begun.elapsed())
}

fn done(answers: &[Result<Applied, Error>]) -> usize {
    let whole = |applied: &&Applied| applied.is_whole();
    answers.iter().flatten().filter(whole).count()
}

/// Breaks the way for as long as the pool's patience, mends it, and reckons.
async fn endure(weather: Weather) {
    let (place, proxy, store) = behind_a_proxy().await;
    let (before, _) = raise(&store, MANY).await;
    let mut acknowledged = done(&before);
    assert_eq!(acknowledged, MANY, "a way without trouble");

    proxy.turn(weather);
    let mut unknown = 0;
    let noticed = async {
        let begun = Instant::now();
        while store.health().is_ok() {
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    };
    let ((answers, took), noticed) = tokio::join!(raise(&store, MANY), noticed);
    assert!(took < Duration::from_secs(3), "{weather:?}: {took:?}");
    assert!(
        noticed < NOTICED,
        "{weather:?}: not ready after {noticed:?}"
    );
    let served = done(&answers);
    acknowledged += served;
    for answer in answers {
        match answer {
            Ok(applied) => assert!(applied.is_whole(), "{weather:?}: refused"),
            Err(Error::Unknown(_)) => unknown += 1,
            Err(Error::Unavailable(_)) => {}
            Err(other) => panic!("{weather:?}: {other}"),
        }
    }
    assert!(proxy.struck() > 0, "{weather:?} met nothing");

    proxy.turn(Weather::Fair);
    let healed = Instant::now();
    while store.health().is_err() {
        tokio::task::yield_now().await;
    }
    let (after, _) = raise(&store, MANY).await;
    let took = healed.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "{weather:?}: back {took:?} after"
    );
    assert_eq!(done(&after), MANY, "{weather:?}: dead connections are left");
    acknowledged += MANY;
    let epoch = place.sql("SELECT user_epoch FROM users");
    let epoch: usize = epoch.parse().expect("a number");
    assert!(
        (acknowledged..=acknowledged + unknown).contains(&epoch),
        "{weather:?}: {acknowledged} acknowledged, {unknown} unknown, {epoch} done"
    );
    let answers = [served, MANY - served - unknown, unknown];
    let [served, unavailable, unknown] = answers.map(|count| count.try_into().expect("few"));
    Evidence::that(format!(
        "{weather:?}, {} times; noticed after {noticed:.1?}",
        proxy.struck()
    ))
    .answers(served, unavailable, unknown)
    .lost(0)
    .doubled(0)
    .recovered_in(took)
    .print();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_partition_costs_seconds_and_loses_nothing() {
    endure(Weather::Held).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_way_that_brings_no_answers_loses_nothing() {
    endure(Weather::AnswersHeld).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_way_that_is_cut_loses_nothing() {
    endure(Weather::Cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_answers_that_end_early_acknowledge_nothing() {
    for bytes in [0, 1, 7, 40] {
        endure(Weather::AnswersCutAfter(bytes)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_answers_that_are_garbled_acknowledge_nothing() {
    endure(Weather::AnswersGarbled).await;
}

/// A little is nobody's trouble; what takes longer than anybody waits is told as unknown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_slow_way_is_borne() {
    for late in [100, 1_000].map(Duration::from_millis) {
        let (place, proxy, store) = behind_a_proxy().await;
        proxy.turn(Weather::Late(late));
        let (answers, took) = raise(&store, 4).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        let unknown = answers.iter().filter(|answer| answer.is_err()).count();
        let done = done(&answers);
        assert!(
            done == 4 || late > Duration::from_millis(100),
            "{answers:?}"
        );
        let epoch = place.sql("SELECT user_epoch FROM users");
        let epoch: usize = epoch.parse().expect("a number");
        assert!((done..=done + unknown).contains(&epoch), "{epoch}");
        assert!(proxy.struck() > 0, "it met nothing");
        let [served, unknown] = [done, unknown].map(|count| count.try_into().expect("few"));
        Evidence::that(format!("{late:?} late, {} times", proxy.struck()))
            .answers(served, 0, unknown)
            .lost(0)
            .doubled(0)
            .print();
    }
}
