//! Racers: of any number exactly one wins, and the store is in the one state that the
//! repositories' documents name.

use std::sync::Arc;

use claviger_model::{grant::device::Decision, session::EndReason};
use claviger_store::{
    repository::{
        authorization_code as codes,
        device::{self, Outcome},
        session::{self, Rotation},
        throttle, user,
    },
    statement::Plan,
};

use super::open;
use crate::fixture::{
    CLIENT, Opened, at, bytes, code as a_code, device as a_device, session as a_session,
    user as a_user,
};

/// How many of the plans were applied whole when all start together.
async fn winners(store: &Opened, plans: Vec<Plan>) -> usize {
    let start = Arc::new(tokio::sync::Barrier::new(plans.len()));
    let racers: Vec<_> = plans
        .into_iter()
        .map(|plan| {
            let (driver, start) = (Arc::clone(&store.driver), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                driver.apply(plan).await
            })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        let applied = racer.await.expect("a racer").expect("the store can write");
        won += usize::from(applied.is_whole());
    }
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_of_64_redeemers_of_a_device_code_one_wins() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store
        .hold_plan(device::starting(&a_device(1), &[1; 16]))
        .await;
    let decision = Decision {
        user_id: a_user(1).id,
        at: at(200),
        auth_time: at(150),
        user_epoch: 0,
    };
    store
        .hold(device::deciding(
            a_device(1).id,
            Outcome::Approved,
            decision,
            at(200),
        ))
        .await;
    let plans = (1..=64).map(|number| {
        Plan::of(device::redeeming(
            a_device(1).id,
            CLIENT,
            a_session(number).id,
            at(300),
        ))
        .then(session::starting(&a_session(number)))
    });
    assert_eq!(winners(&store, plans.collect()).await, 1);
    assert_eq!(store.count("SELECT count(*) FROM sessions").await, 1);
    let same = "SELECT count(*) FROM devices d JOIN sessions s ON s.sid = d.sid";
    assert_eq!(
        store.count(same).await,
        1,
        "the winner's session is the one in the row"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_of_50_redeemers_of_an_authorization_code_one_wins() {
    let store = open().await;
    store.hold(codes::issuing(&a_code(1))).await;
    let plans = (1..=50).map(|number| {
        Plan::of(codes::redeeming(
            a_code(1).id,
            CLIENT,
            a_session(number).id,
            at(110),
        ))
        .then(session::starting(&a_session(number)))
    });
    assert_eq!(winners(&store, plans.collect()).await, 1);
    assert_eq!(store.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_of_100_rotations_of_one_generation_one_wins() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store.hold(session::starting(&a_session(1))).await;
    let rotation = |number: u8| Rotation {
        from: 1,
        to: 2,
        epoch: 1,
        network: [number; 8],
        idle_expires_at: at(20_000),
    };
    let plans = (0..100)
        .map(|number| Plan::of(session::rotating(&a_session(1), &rotation(number), at(200))));
    assert_eq!(winners(&store, plans.collect()).await, 1);
    let rotations = store.session(a_session(1).id).await.rotations;
    assert_eq!((rotations.generation, rotations.rotated_at[1]), (2, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ref_15_a_rotation_and_an_end_never_both_stand() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    for number in 1..=100 {
        let session = a_session(number);
        store.hold(session::starting(&session)).await;
        let rotation = Rotation {
            from: 1,
            to: 2,
            epoch: 1,
            network: [0; 8],
            idle_expires_at: at(20_000),
        };
        let rotate = Plan::of(session::rotating(&session, &rotation, at(200)));
        let end = Plan::of(session::ending(session.id, EndReason::Logout, at(200)));
        assert!(winners(&store, vec![rotate.clone(), end]).await >= 1);
        store.refuse_plan("after the end", rotate, 0).await;
    }
    let live = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL";
    assert_eq!(store.count(live).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sgn_04_no_number_of_racers_gets_past_a_throttle() {
    let store = open().await;
    let plans = (0..200).map(|_| Plan::of(throttle::counting(&[1; 16], at(600), 10)));
    assert_eq!(winners(&store, plans.collect()).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_and_a_denial_of_two_people_leave_one_decision() {
    let store = open().await;
    for number in 1..=50 {
        let id = a_device(number).id;
        store
            .hold_plan(device::starting(&a_device(number), &bytes(number)))
            .await;
        let decision = |user: u8| Decision {
            user_id: a_user(user).id,
            at: at(200),
            auth_time: at(150),
            user_epoch: 0,
        };
        let plans = vec![
            Plan::of(device::deciding(
                id,
                Outcome::Approved,
                decision(1),
                at(200),
            )),
            Plan::of(device::deciding(id, Outcome::Denied, decision(2), at(200))),
        ];
        assert_eq!(winners(&store, plans).await, 1);
    }
}
