//! Device authorizations and authorization codes: every guard of every verb.

use claviger_model::{
    grant::device::{Decision, DeviceAuthorization, DeviceState},
    id::{SessionId, UserId},
};
use claviger_store::repository::{
    authorization_code as codes,
    device::{self, Outcome},
};

use super::open;
use crate::fixture::{CLIENT, OTHER_CLIENT, Opened, at, bytes, code as a_code, device as a_device};

const MAC: [u8; 16] = [0xaa; 16];

fn sid(number: u8) -> SessionId {
    SessionId::from_bytes(bytes(number))
}

fn by(number: u8) -> Decision {
    Decision {
        user_id: UserId::from_bytes(bytes(number)),
        at: at(200),
        auth_time: at(150),
        user_epoch: 4,
    }
}

async fn with_device() -> (Opened, DeviceAuthorization) {
    let store = open().await;
    store.hold_plan(device::starting(&a_device(1), &MAC)).await;
    (store, a_device(1))
}

async fn state(store: &Opened) -> DeviceState {
    let found = device::by_id(store.driver(), a_device(1).id).await;
    found.expect("a read").expect("a device").state
}

#[tokio::test]
async fn a_device_comes_back_as_it_was_written_by_id_and_by_code() {
    let (store, written) = with_device().await;
    let by_id = device::by_id(store.driver(), written.id)
        .await
        .expect("a read");
    let by_code = device::by_user_code(store.driver(), &MAC)
        .await
        .expect("a read");
    assert_eq!(by_id.as_ref(), Some(&written));
    assert_eq!(by_code.as_ref(), Some(&written));
    let other = device::by_user_code(store.driver(), &[0xab; 16]).await;
    assert!(other.expect("a read").is_none());
}

#[tokio::test]
async fn a_user_code_in_use_refuses_a_second_device_until_it_ends() {
    let (store, _) = with_device().await;
    store
        .refuse_plan("taken", device::starting(&a_device(2), &MAC), 0)
        .await;
    let later = DeviceAuthorization {
        created_at: at(700),
        expires_at: at(1300),
        ..a_device(2)
    };
    store.hold_plan(device::starting(&later, &MAC)).await;
    let found = device::by_user_code(store.driver(), &MAC)
        .await
        .expect("a read");
    assert_eq!(found.map(|device| device.id), Some(later.id));
}

#[tokio::test]
async fn a_decision_is_made_once_and_in_time() {
    let (store, device) = with_device().await;
    let decide = |outcome, number, now| device::deciding(device.id, outcome, by(number), at(now));
    let unknown = device::deciding(a_device(9).id, Outcome::Approved, by(1), at(200));
    store.refuse("unknown", unknown).await;
    store
        .refuse("too late", decide(Outcome::Approved, 1, 700))
        .await;
    store
        .refuse("too late to deny", decide(Outcome::Denied, 1, 700))
        .await;
    store.hold(decide(Outcome::Approved, 1, 699)).await;
    assert_eq!(state(&store).await, DeviceState::Approved(by(1)));
    store
        .refuse("approved already", decide(Outcome::Approved, 1, 300))
        .await;
    store
        .refuse("approved by another", decide(Outcome::Approved, 2, 300))
        .await;
    store
        .refuse("denied by another", decide(Outcome::Denied, 2, 300))
        .await;
    store.hold(decide(Outcome::Denied, 1, 300)).await;
    assert_eq!(state(&store).await, DeviceState::Denied(by(1)));
    store
        .refuse("denied already", decide(Outcome::Denied, 1, 300))
        .await;
    store
        .refuse("denied is final", decide(Outcome::Approved, 1, 300))
        .await;
    let redeem = device::redeeming(device.id, CLIENT, sid(1), at(300));
    store.refuse("denied is not redeemed", redeem).await;
}

#[tokio::test]
async fn an_approval_is_redeemed_once_by_its_client_and_in_time() {
    let (store, device) = with_device().await;
    let redeem = |client, number, now| device::redeeming(device.id, client, sid(number), at(now));
    store.refuse("pending", redeem(CLIENT, 1, 300)).await;
    store
        .hold(device::deciding(
            device.id,
            Outcome::Approved,
            by(1),
            at(200),
        ))
        .await;
    store
        .refuse("another client", redeem(OTHER_CLIENT, 1, 300))
        .await;
    store.refuse("too late", redeem(CLIENT, 1, 700)).await;
    store.hold(redeem(CLIENT, 1, 300)).await;
    store
        .refuse("redeemed already", redeem(CLIENT, 2, 300))
        .await;
    let denied = device::deciding(device.id, Outcome::Denied, by(1), at(300));
    store.refuse("redeemed is not denied", denied).await;
    let expected = DeviceState::Redeemed {
        approved: by(1),
        session_id: sid(1),
        at: at(300),
    };
    assert_eq!(state(&store).await, expected);
}

#[tokio::test]
async fn a_code_comes_back_as_it_was_written() {
    let store = open().await;
    let bare = claviger_model::grant::authorization_code::AuthorizationCode {
        challenge: None,
        ..a_code(2)
    };
    for code in [a_code(1), bare] {
        store.hold(codes::issuing(&code)).await;
        let found = codes::by_id(store.driver(), code.id).await.expect("a read");
        assert_eq!(found, Some(code));
    }
}

#[tokio::test]
async fn a_code_is_redeemed_once_by_its_client_and_in_time() {
    let store = open().await;
    let code = a_code(1);
    store.hold(codes::issuing(&code)).await;
    let redeem = |client, number, now| codes::redeeming(code.id, client, sid(number), at(now));
    store
        .refuse("another client", redeem(OTHER_CLIENT, 1, 150))
        .await;
    store.refuse("too late", redeem(CLIENT, 1, 160)).await;
    store
        .refuse(
            "unknown",
            codes::redeeming(a_code(9).id, CLIENT, sid(1), at(150)),
        )
        .await;
    store.hold(redeem(CLIENT, 1, 159)).await;
    store
        .refuse("redeemed already", redeem(CLIENT, 2, 159))
        .await;
    store.hold(codes::counting_failure(code.id)).await;
    let found = codes::by_id(store.driver(), code.id)
        .await
        .expect("a read")
        .expect("a code");
    assert_eq!(
        (found.redeemed, found.failures),
        (Some(sid(1)), 0),
        "spent codes count no more"
    );
}

#[tokio::test]
async fn five_failures_burn_a_code() {
    let store = open().await;
    let code = a_code(1);
    store.hold(codes::issuing(&code)).await;
    for _ in 0..5 {
        store.hold(codes::counting_failure(code.id)).await;
    }
    store
        .refuse("burned", codes::redeeming(code.id, CLIENT, sid(1), at(150)))
        .await;
}
