//! Faults at every point on the way of a session: the n-th call with which the process writes to its disk, syncs
//! it, or sends to its database or its client is the last one, or fails (F01, F04, F06, F07, F08).

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use claviger_tests::{
    child::Running,
    effort::number_of,
    evidence::Evidence,
    instance::Service,
    postgres::Place,
    rows::Rows,
    shim::{EINTR, EIO, ENOSPC, EROFS, Shim},
};

use super::{
    caller::{self, Caller, Tally},
    chance::Chance,
    history::History,
    run::{endure, people, reckon, rows_of, seed, until, with_settings},
    virtual_user::VirtualUser,
};

/// The people of a bench: each may be wrong about a code ten times in ten minutes.
const PEOPLE: u64 = 12;

/// Every point, or one of so many, where `CLAVIGER_FAULT_STRIDE` says nothing.
const STRIDE: u64 = 7;

/// The points to look at, from the first.
fn points() -> impl Iterator<Item = u64> {
    let stride = number_of("CLAVIGER_FAULT_STRIDE").unwrap_or(STRIDE);
    (1..).step_by(usize::try_from(stride).expect("a stride"))
}

/// A service with the shim before it, and somebody who uses it.
struct Bench {
    service: Service,
    place: Option<Place>,
    shim: Shim,
    user: VirtualUser,
    caller: Caller,
    history: History,
    tally: Arc<Tally>,
    /// How processes ended: by their code, or by the signal that has none.
    ends: BTreeMap<Option<i32>, u64>,
}

impl Bench {
    fn new(place: Option<Place>) -> Self {
        let store = place.as_ref().map(Place::address);
        let mut service = with_settings(Service::init_in(store));
        let shim = Shim::before(&mut service);
        let (history, tally) = (History::default(), Arc::<Tally>::default());
        let caller = Caller::new(&[service.address], Arc::clone(&tally));
        let people = people(&service, 1, PEOPLE);
        let user = VirtualUser {
            caller: caller.clone(),
            start_url: format!("{}/start", service.issuer()),
            history: history.clone(),
            chance: Chance::of(Chance::seed()),
            names: people.into_iter().map(|(_, name)| name).collect(),
            stop: Arc::default(),
        };
        Self {
            service,
            place,
            shim,
            user,
            caller,
            history,
            tally,
            ends: BTreeMap::new(),
        }
    }

    /// Lives one session while `rule` holds; whoever dies is started again. A disk that is full has room again
    /// once somebody was told. Answers the process that runs then.
    async fn live(&mut self, mut running: Running, rule: &str, ends: bool) -> Running {
        self.user.become_somebody_else();
        let (refused, struck) = (self.refused(), self.shim.struck().len());
        self.shim.rule(rule);
        let mut user = self.user.clone();
        let mut life = tokio::spawn(async move { (user.whole_life(ends).await, user) });
        loop {
            tokio::select! {
                lived = &mut life => {
                    let (lived, user) = lived.expect("no panic");
                    self.user = user;
                    if let Err(broken) = lived {
                        self.history.broke(format!("{rule}: {broken}"));
                    }
                    self.shim.stop();
                    return running;
                }
                () = caller::pause() => {}
            }
            if !running.is_alive() {
                self.shim.stop();
                running = self.start_again(running).await;
            } else if self.refused() > refused && self.shim.struck().len() > struck {
                self.shim.stop();
            }
        }
    }

    fn refused(&self) -> u64 {
        self.tally.unavailable.load(Ordering::Relaxed)
    }

    /// Notes how a process ended, and starts the next one.
    async fn start_again(&mut self, ended: Running) -> Running {
        let code = ended.end().status.code();
        *self.ends.entry(code).or_default() += 1;
        self.service.serve().await
    }

    /// One life for each point of the way that `rule` names, until there are no more; how many struck.
    async fn sweep(&mut self, rule: impl Fn(u64) -> String) -> u64 {
        let mut running = self.service.serve().await;
        let mut struck = 0;
        for point in points() {
            let before = self.shim.struck().len();
            running = self.live(running, &rule(point), point % 2 == 0).await;
            if self.shim.struck().len() == before {
                break;
            }
            struck += 1;
        }
        running.kill();
        struck
    }

    /// One rotation for each of its points; each is asked for again until it is done.
    async fn sweep_rotations(&mut self) -> u64 {
        let mut running = self.service.serve().await;
        let (mut struck, mut asked) = (0, 0);
        for point in points() {
            let before = self.shim.struck().len();
            self.shim.rule(&format!("any claviger.,unix {point} kill"));
            let rotated = self.service.admin(&["keys", "rotate"]);
            asked += 1;
            if self.shim.struck().len() == before {
                rotated.assert_code(0);
                break;
            }
            struck += 1;
            running = self.start_again(running).await;
            self.service.admin(&["keys", "rotate"]).assert_code(0);
            asked += 1;
            running = self.live(running, "", false).await;
        }
        self.shim.stop();
        running.kill();
        let epochs = u64::try_from(self.rows().count("SELECT count(*) FROM keyring"));
        let epochs = epochs.expect("a count") - 1;
        // A rotation that nobody was told of may have happened or not.
        assert!(
            (asked - struck..=asked).contains(&epochs),
            "{epochs} of {asked}"
        );
        struck
    }

    /// One stop for each of its points, each after a session.
    async fn sweep_stops(&mut self) -> u64 {
        let mut running = self.service.serve().await;
        let mut struck = 0;
        for point in points() {
            running = self.live(running, "", point % 2 == 0).await;
            self.shim.rule(&format!("any claviger. {point} kill"));
            running.terminate();
            let ended = running.end().status.code();
            self.shim.stop();
            if ended != KILLED {
                assert_eq!(ended, Some(0));
                break;
            }
            struck += 1;
            *self.ends.entry(ended).or_default() += 1;
            running = self.service.serve().await;
        }
        struck
    }

    fn rows(&self) -> Rows {
        self.place
            .as_ref()
            .map_or_else(|| rows_of(&self.service), Place::rows)
    }

    /// Reckons; every promise was kept, and the fault happened at so many points at least.
    async fn settle(self, what: &str, points: u64, least: u64) {
        let told = reckon(&[&self.service], &self.caller, &self.history, || {
            self.rows()
        })
        .await;
        let sessions = told.stories.len();
        let evidence = Evidence::that(format!(
            "{what}: {points} points, {sessions} sessions; processes ended {:?}",
            self.ends
        ));
        self.tally
            .told(evidence)
            .lost(told.broken.len())
            .doubled(told.doubled)
            .print();
        assert!(told.broken.is_empty(), "{what}: {:#?}", told.broken);
        assert!(points >= least, "{what}: {points} points only");
    }
}

/// A process that was killed; any other end has a code.
const KILLED: Option<i32> = None;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_killed_at_each_call_of_a_session_nothing_is_lost_or_happens_twice() {
    let mut bench = Bench::new(None);
    let mut points = 0;
    for action in ["kill", "half"] {
        let rule = |nth| format!("any claviger.,tcp {nth} {action}");
        points += bench.sweep(rule).await;
    }
    assert_eq!(bench.ends, [(KILLED, points)].into());
    bench.settle("F01, a session on SQLite", points, 15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_killed_at_each_call_to_postgresql_nothing_is_lost_or_happens_twice() {
    let mut bench = Bench::new(Some(Place::default()));
    let mut points = 0;
    for action in ["kill", "half"] {
        let rule = |nth| format!("send unix,tcp {nth} {action}");
        points += bench.sweep(rule).await;
    }
    assert_eq!(bench.ends, [(KILLED, points)].into());
    bench
        .settle("F01, a session on PostgreSQL", points, 8)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_killed_at_each_call_of_a_key_rotation_no_key_is_lost_or_made_twice() {
    let mut bench = Bench::new(None);
    let points = bench.sweep_rotations().await;
    assert_eq!(bench.ends, [(KILLED, points)].into());
    bench.settle("F01, a key rotation", points, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f01_killed_at_each_call_of_a_stop_nothing_is_lost() {
    let mut bench = Bench::new(None);
    let points = bench.sweep_stops().await;
    assert_eq!(bench.ends, [(KILLED, points)].into());
    bench
        .settle("F01, a stop with its checkpoint", points, 2)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f04_without_power_at_each_call_what_was_acknowledged_is_on_the_disk() {
    let mut bench = Bench::new(None);
    let rule = |nth| format!("any claviger.,tcp {nth} lose");
    let points = bench.sweep(rule).await;
    assert_eq!(bench.ends, [(KILLED, points)].into());
    bench.settle("F04, a session", points, 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_a_disk_full_at_each_write_answers_503_and_a_retry_works_once_there_is_room() {
    let mut bench = Bench::new(None);
    let rule = |nth| format!("write claviger.db {nth}+ fail {ENOSPC}");
    let points = bench.sweep(rule).await;
    assert_eq!(bench.ends, BTreeMap::new(), "it stays up");
    bench.settle("F06, a session", points, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_a_sync_that_fails_at_each_commit_stops_the_process_and_loses_nothing() {
    let mut bench = Bench::new(None);
    let rule = |nth| format!("sync claviger.db {nth} fail {EIO}");
    let points = bench.sweep(rule).await;
    assert_eq!(bench.ends, [(Some(75), points)].into());
    bench.settle("F07, a session", points, 1).await;
}

/// What a file system answers that the kernel has made read-only because of its errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f09_a_disk_that_turns_read_only_at_each_write_loses_nothing() {
    let mut bench = Bench::new(None);
    let rule = |nth| format!("any claviger. {nth}+ fail {EROFS}");
    let points = bench.sweep(rule).await;
    assert_eq!(bench.ends, [(Some(75), points)].into());
    bench.settle("F09, a session", points, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_short_and_interrupted_writes_are_nobodys_trouble() {
    let mut bench = Bench::new(None);
    let mut points = 0;
    for action in ["short".to_owned(), format!("fail {EINTR}")] {
        let rule = |nth| format!("write claviger.db {nth} {action}");
        points += bench.sweep(rule).await;
    }
    assert_eq!(bench.ends, BTreeMap::new());
    let tally = bench.tally.unavailable.load(Ordering::Relaxed);
    assert_eq!(tally, 0, "503 for a write that only had to go on");
    bench.settle("F08, a session", points, 8).await;
}

/// Power goes while many sign in: whatever was written since the last sync is gone from every file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f04_the_power_goes_at_random_and_nothing_acknowledged_is_lost() {
    let (mut service, seed) = (with_settings(Service::init()), seed());
    let shim = Shim::before(&mut service);
    let nodes = [&service];
    let rows = || rows_of(&service);
    let losses = endure(&nodes, seed, rows, async |mut running, _| {
        let mut chance = Chance::of(seed);
        let end = until();
        let mut losses = 0;
        while Instant::now() < end {
            let nth = chance.within(1..=2_000);
            shim.rule(&format!("any claviger. {nth} lose"));
            let mut node = running.pop().expect("a node");
            while node.is_alive() {
                caller::pause().await;
            }
            assert_eq!(node.end().status.code(), KILLED);
            losses += 1;
            running.push(service.serve().await);
        }
        shim.stop();
        (running, losses)
    });
    let losses = losses.await;
    assert!(losses >= 5, "{losses} losses");
    assert_eq!(shim.struck().len() as u64, losses);
}

/// Each sync takes 100 ms longer: batches grow, and nobody is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_a_slow_disk_makes_answers_slow_and_refuses_nobody() {
    let (mut service, seed) = (with_settings(Service::init()), seed());
    let shim = Shim::before(&mut service);
    let nodes = [&service];
    let rows = || rows_of(&service);
    let blows = endure(&nodes, seed, rows, async |mut running, tally| {
        shim.rule("sync claviger.db 1+ delay 100");
        let end = until();
        while Instant::now() < end {
            caller::pause().await;
        }
        shim.stop();
        let mut node = running.pop().expect("a node");
        assert!(node.is_alive(), "a slow disk is no reason to stop");
        assert_eq!(tally.unavailable.load(Ordering::Relaxed), 0);
        // The loss that `endure` wants to see.
        node.kill();
        caller::pause().await;
        running.push(service.serve().await);
        (running, 1)
    });
    assert_eq!(blows.await, 1);
    assert!(
        shim.struck().len() > 20,
        "{} slow syncs",
        shim.struck().len()
    );
}
