//! One of two nodes falls asleep, or has the wrong time; the other one serves.

use std::time::{Duration, Instant};

use claviger_tests::{child, instance::Service, postgres::Place, shim::Shim};

use super::{
    chance::Chance,
    run::{endure, seed, two_nodes, until},
};

/// It sleeps for longer than anybody waits, and wakes with requests in its queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f03_a_node_that_is_stopped_and_woken_undoes_nothing() {
    let (place, seed) = (Place::default(), seed());
    let (first, second) = two_nodes(place.address());
    let nodes = [&first, &second];
    let rows = || place.rows();
    let stops = endure(&nodes, seed, rows, async |running, _| {
        let (mut chance, end) = (Chance::of(seed), until());
        let mut stops = 0;
        while Instant::now() < end {
            let node = running.get(stops % 2).expect("a node");
            child::signal(node.id(), "STOP");
            let asleep = chance.within(5_500..=8_000);
            tokio::time::sleep(Duration::from_millis(asleep)).await;
            child::signal(node.id(), "CONT");
            tokio::time::sleep(Duration::from_millis(chance.within(500..=2_000))).await;
            stops += 1;
        }
        (running, u64::try_from(stops).expect("few"))
    });
    let stops = stops.await;
    assert!(stops >= 3, "{stops} stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_a_node_whose_calendar_jumps_signs_nobody_out() {
    let (place, seed) = (Place::default(), seed());
    let (first, mut second) = two_nodes(place.address());
    let shim = Shim::before(&mut second);
    let nodes = [&first, &second];
    let rows = || place.rows();
    let jumps = endure(&nodes, seed, rows, async |running, _| {
        let mut jumps = 0;
        let end = until();
        while Instant::now() < end {
            let by = [3_600, -3_600, 86_400, -86_400, 31_536_000][jumps % 5];
            shim.rule(&format!("clock {by}"));
            is_ready(&second, false).await;
            shim.stop();
            is_ready(&second, true).await;
            jumps += 1;
        }
        (running, u64::try_from(jumps).expect("few"))
    });
    let jumps = jumps.await;
    assert!(jumps >= 5, "{jumps} jumps");
}

/// Within two seconds (R11).
async fn is_ready(node: &Service, ready: bool) {
    let begun = Instant::now();
    while node.is_ready().await != ready {
        let took = begun.elapsed();
        assert!(
            took < Duration::from_secs(2),
            "ready is not {ready}: {took:?}"
        );
        super::caller::pause().await;
    }
    // So that requests meet it.
    for _ in 0..20 {
        super::caller::pause().await;
    }
}
