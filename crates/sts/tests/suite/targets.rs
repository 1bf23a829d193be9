//! Bulkhead, single flight, cache, deadline and circuit.

use std::{future::Future, sync::Arc};

use claviger_model::{
    credentials::{CredentialRequest, RoleCredentials},
    id::{SessionId, TargetName},
    port::credential_source::{CredentialSource, NotIssued},
    time::Lifetime,
};
use claviger_sts::targets::Targets;
use tokio::{task::JoinHandle, time::Instant};

use crate::fixture::{Gated, HandClock, NOW, request, targets};

type Outcome = Result<RoleCredentials, NotIssued>;

fn spawn(targets: &Arc<Targets>, request: CredentialRequest) -> JoinHandle<Outcome> {
    let targets = targets.clone();
    tokio::spawn(async move { targets.issue(&request).await })
}

/// Lets every task run until all wait.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn unavailable() -> NotIssued {
    NotIssued::Unavailable {
        detail: "down".to_owned(),
    }
}

async fn fails(times: usize, mut call: impl AsyncFnMut() -> Outcome) {
    for _ in 0..times {
        assert!(call().await.is_err());
    }
}

fn is_unavailable(outcome: &Outcome) -> bool {
    matches!(outcome, Err(NotIssued::Unavailable { .. }))
}

#[tokio::test]
async fn an_unknown_target_is_unavailable() {
    let clock = HandClock::at(NOW);
    let targets = targets(Gated::open(&clock), &clock);
    let mut request = request(1, 1);
    request.target = TargetName::parse("elsewhere").unwrap();
    let Err(NotIssued::Unavailable { detail }) = targets.issue(&request).await else {
        panic!("issued");
    };
    assert!(detail.contains("elsewhere"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn res_08_a_hanging_target_holds_256_calls_and_refuses_the_rest() {
    let clock = HandClock::at(NOW);
    let target = Gated::closed(&clock);
    let targets = targets(target.clone(), &clock);
    let begun = Instant::now();
    let waiting: Vec<_> = (0..=255)
        .map(|session| spawn(&targets, request(session, 1)))
        .collect();
    settle().await;
    assert_eq!(target.calls(), 256);
    for user in 2..=100 {
        let outcome = targets.issue(&request(1, user)).await;
        assert!(
            matches!(outcome, Err(NotIssued::Throttled { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(target.calls(), 256);
    assert_eq!(begun.elapsed().as_secs(), 0, "refused at once");

    for call in waiting {
        assert!(is_unavailable(&call.await.unwrap()));
    }
    assert_eq!(begun.elapsed().as_secs(), 8, "por_10: all within 8 s");
}

#[tokio::test(start_paused = true)]
async fn res_08_room_is_given_back() {
    let clock = HandClock::at(NOW);
    let target = Gated::closed(&clock);
    let targets = targets(target.clone(), &clock);
    let waiting: Vec<_> = (0..=255)
        .map(|session| spawn(&targets, request(session, 1)))
        .collect();
    settle().await;
    target.gate.add_permits(257);
    for call in waiting {
        assert!(call.await.unwrap().is_ok());
    }
    assert!(targets.issue(&request(1, 2)).await.is_ok());
}

#[tokio::test]
async fn equal_requests_at_once_are_one_call() {
    let clock = HandClock::at(NOW);
    let target = Gated::closed(&clock);
    let targets = targets(target.clone(), &clock);
    let waiting: Vec<_> = (0..100).map(|_| spawn(&targets, request(1, 1))).collect();
    settle().await;
    target.gate.add_permits(1);
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().access_key_id, "ASIA0");
    }
    assert_eq!(target.calls(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_breaks_nothing_off_for_others() {
    let clock = HandClock::at(NOW);
    let target = Gated::closed(&clock);
    let targets = targets(target.clone(), &clock);
    let first = spawn(&targets, request(1, 1));
    settle().await;
    let second = spawn(&targets, request(1, 1));
    settle().await;
    first.abort();
    target.gate.add_permits(1);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(target.calls(), 1);
}

#[tokio::test]
async fn por_11_nothing_is_shared_between_sessions_people_roles_or_durations() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    let original = request(1, 1);
    let mut others = vec![request(2, 1), request(1, 2)];
    for change in [
        |request: &mut CredentialRequest| request.role_arn.push('2'),
        |request: &mut CredentialRequest| request.duration = Lifetime::hours(2),
        |request: &mut CredentialRequest| request.user_name.push('2'),
    ] {
        let mut request = original.clone();
        change(&mut request);
        others.push(request);
    }
    let mut drawn = vec![targets.issue(&original).await.unwrap().access_key_id];
    for other in &others {
        let key = targets.issue(other).await.unwrap().access_key_id;
        assert!(!drawn.contains(&key));
        drawn.push(key);
    }
    assert_eq!(
        targets.issue(&original).await.unwrap().access_key_id,
        "ASIA0"
    );
    assert_eq!(target.calls(), 6);
}

#[tokio::test]
async fn por_11_the_same_user_after_logout_is_asked_for_anew() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    targets.issue(&request(1, 1)).await.unwrap();
    targets.issue(&request(2, 1)).await.unwrap();
    targets.forget(SessionId::from_bytes([1; 16]));
    assert_eq!(
        targets.issue(&request(1, 1)).await.unwrap().access_key_id,
        "ASIA2"
    );
    assert_eq!(
        targets.issue(&request(2, 1)).await.unwrap().access_key_id,
        "ASIA1"
    );
}

#[tokio::test]
async fn por_11_a_call_under_way_at_logout_is_neither_joined_nor_kept() {
    let clock = HandClock::at(NOW);
    let target = Gated::closed(&clock);
    let targets = targets(target.clone(), &clock);
    let before = spawn(&targets, request(1, 1));
    settle().await;
    targets.forget(SessionId::from_bytes([1; 16]));
    let after = spawn(&targets, request(1, 1));
    settle().await;
    assert_eq!(target.calls(), 2, "not joined");
    target.gate.add_permits(1);
    assert_eq!(before.await.unwrap().unwrap().access_key_id, "ASIA0");
    settle().await;
    assert!(
        !after.is_finished(),
        "the first answer must not reach the second request"
    );
    targets.forget(SessionId::from_bytes([1; 16]));
    target.gate.add_permits(2);
    after.await.unwrap().unwrap();
    assert_eq!(
        targets.issue(&request(1, 1)).await.unwrap().access_key_id,
        "ASIA2",
        "not kept"
    );
}

#[tokio::test]
async fn credentials_are_handed_out_again_while_half_their_life_remains() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    targets.issue(&request(1, 1)).await.unwrap();
    clock.advance(29 * 60);
    targets.issue(&request(1, 1)).await.unwrap();
    assert_eq!(target.calls(), 1);
    clock.advance(60);
    targets.issue(&request(1, 1)).await.unwrap();
    assert_eq!(target.calls(), 2);
    clock.advance(-3600);
    targets.issue(&request(1, 1)).await.unwrap();
    assert_eq!(target.calls(), 3, "a clock set back makes nothing fresh");
}

#[tokio::test]
async fn short_lived_credentials_and_failures_are_never_kept() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    target.answers(Ok(Lifetime::minutes(15)));
    targets.issue(&request(1, 1)).await.unwrap();
    target.answers(Err(NotIssued::Refused {
        detail: "no".to_owned(),
    }));
    assert!(targets.issue(&request(1, 1)).await.is_err());
    target.answers(Ok(Lifetime::hours(1)));
    assert!(targets.issue(&request(1, 1)).await.is_ok());
    assert_eq!(target.calls(), 3);
}

#[tokio::test]
async fn credentials_that_have_already_ended_are_no_answer() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    target.answers(Ok(Lifetime::ZERO));
    assert!(is_unavailable(&targets.issue(&request(1, 1)).await));
}

#[tokio::test(start_paused = true)]
async fn f21_the_circuit_opens_probes_and_closes() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    target.answers(Err(unavailable()));
    let asked = request(1, 1);
    fails(20, async || targets.issue(&asked).await).await;
    assert_eq!(target.calls(), 20);
    assert!(is_unavailable(&targets.issue(&asked).await));
    assert_eq!(target.calls(), 20, "open: the target is left alone");

    after_a_rest().await;
    assert!(is_unavailable(&targets.issue(&asked).await));
    assert!(is_unavailable(&targets.issue(&asked).await));
    assert_eq!(target.calls(), 21, "one probe");

    after_a_rest().await;
    target.answers(Ok(Lifetime::hours(1)));
    assert!(targets.issue(&asked).await.is_ok());
    assert!(targets.issue(&request(2, 1)).await.is_ok());
    println!("evidence: an STS that is down, and comes back | 2 / 23 / 0 | - | - | -");
}

fn after_a_rest() -> impl Future<Output = ()> {
    tokio::time::advance(std::time::Duration::from_secs(5))
}

#[tokio::test]
async fn f21_refusals_and_throttling_do_not_open_the_circuit() {
    let clock = HandClock::at(NOW);
    let target = Gated::open(&clock);
    let targets = targets(target.clone(), &clock);
    let detail = || "no".to_owned();
    let asked = request(1, 1);
    for refusal in [
        NotIssued::Refused { detail: detail() },
        NotIssued::Throttled { detail: detail() },
    ] {
        target.answers(Err(refusal));
        fails(30, async || targets.issue(&asked).await).await;
    }
    assert_eq!(target.calls(), 60);
}
