//! People, browsers, the directory, keys, throttles, the log and the sweep.

use claviger_model::{
    access::{Account, Role},
    audit::{Action, Record},
    directory::{User, UserName, UserState},
    id::{AccountId, GroupId, RoleName, TargetName},
    time::Lifetime,
};
use claviger_store::{
    repository::{
        access, audit, authorization_code as codes, denied_client, device,
        directory::{self, Assignment, Group},
        keyring::{self, EpochRow, EpochState},
        session, sweep, throttle, user, web_session,
    },
    statement::Plan,
};

use super::open;
use crate::fixture::{
    CLIENT, OTHER_CLIENT, at, bytes, code as a_code, device as a_device, session as a_session,
    user as a_user, web_session as a_web_session,
};

#[tokio::test]
async fn a_person_is_found_by_id_and_by_any_spelling_of_the_name() {
    let store = open().await;
    let jose = User {
        name: UserName::parse("José").expect("a name"),
        ..a_user(2)
    };
    store.hold(user::adding(&jose, at(1))).await;
    let found = user::by_name_key(store.driver(), &jose.name.key())
        .await
        .expect("a read");
    let found = found.expect("a person");
    assert_eq!((found.user, found.password_hash), (jose.clone(), None));
    store
        .hold(user::setting_password(jose.id, "$argon2id$…"))
        .await;
    let found = user::by_name_key(store.driver(), &jose.name.key())
        .await
        .expect("a read");
    assert!(found.is_some_and(|found| found.password_hash.as_deref() == Some("$argon2id$…")));
    let twin = User {
        name: UserName::parse("JOSE\u{301}").expect("a name"),
        ..a_user(3)
    };
    let answer = store
        .driver()
        .apply(claviger_store::statement::Plan::of(user::adding(
            &twin,
            at(1),
        )));
    assert!(answer.await.is_err(), "one canonical name, one person");
}

#[tokio::test]
async fn every_verb_on_nobody_is_refused() {
    let store = open().await;
    let nobody = a_user(9);
    store
        .refuse(
            "altering",
            user::altering(nobody.id, &nobody.name, "x", None),
        )
        .await;
    store.refuse("removing", user::removing(nobody.id)).await;
    store
        .refuse("password", user::setting_password(nobody.id, "x"))
        .await;
    store
        .refuse("state", user::setting_state(nobody.id, UserState::Disabled))
        .await;
    store.refuse("epoch", user::raising_epoch(nobody.id)).await;
    store
        .refuse("browser", web_session::ending(a_web_session(9).id, at(1)))
        .await;
}

#[tokio::test]
async fn a_state_change_raises_the_epoch() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store
        .hold(user::setting_state(a_user(1).id, UserState::Disabled))
        .await;
    let found = user::by_id(store.driver(), a_user(1).id)
        .await
        .expect("a read")
        .expect("one");
    assert_eq!((found.state, found.epoch), (UserState::Disabled, 1));
    store.hold(user::raising_epoch(a_user(1).id)).await;
    let all = user::all(store.driver()).await.expect("a read");
    assert!(all.iter().map(|user| user.epoch).eq([2]));
}

#[tokio::test]
async fn a_browser_session_is_put_off_forward_only_and_ends_once() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    let written = a_web_session(1);
    store.hold(web_session::starting(&written)).await;
    let read = async || {
        let found = web_session::with_user(store.driver(), written.id).await;
        found.expect("a read").expect("a session").0
    };
    assert_eq!(format!("{:?}", read().await), format!("{written:?}"));
    for (idle, expected) in [(2_500, 2_500), (2_000, 2_500)] {
        store
            .hold(web_session::touching(written.id, at(idle)))
            .await;
        assert_eq!(read().await.idle_expires_at, at(expected));
    }
    store.hold(web_session::ending(written.id, at(300))).await;
    store
        .refuse("ended already", web_session::ending(written.id, at(400)))
        .await;
    store
        .hold(web_session::touching(written.id, at(9_000)))
        .await;
    assert_eq!(
        read().await.idle_expires_at,
        at(2_500),
        "an ended one is not put off"
    );
    store.hold(web_session::starting(&a_web_session(2))).await;
    store
        .hold(web_session::ending_of_user(a_user(1).id, at(500)))
        .await;
    assert_eq!(
        read().await.revoked_at,
        Some(at(300)),
        "the first end stands"
    );
}

#[tokio::test]
async fn two_appliers_of_the_directory_cannot_interleave() {
    let store = open().await;
    assert_eq!(directory::version(store.driver()).await.expect("a read"), 0);
    store.hold(directory::raising_version(0)).await;
    store
        .refuse("somebody was faster", directory::raising_version(0))
        .await;
    store.hold(directory::raising_version(1)).await;
    assert_eq!(directory::version(store.driver()).await.expect("a read"), 2);
}

fn account(id: &str) -> Account {
    Account {
        id: AccountId::parse(id).expect("an id"),
        name: format!("Account {id}"),
        email: "ops@example.org".to_owned(),
    }
}

fn role(account_id: &str, name: &str) -> Role {
    Role {
        account_id: AccountId::parse(account_id).expect("an id"),
        name: RoleName::parse(name).expect("a name"),
        target: TargetName::parse("aws").expect("a target"),
        arn: format!("arn:aws:iam::{account_id}:role/{name}"),
        duration: Lifetime::hours(1),
    }
}

fn assignment(principal: [u8; 16], role: &Role) -> Assignment {
    Assignment {
        principal,
        account_id: role.account_id.clone(),
        role_name: role.name.clone(),
    }
}

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

#[tokio::test]
async fn por_02_access_is_the_persons_own_and_their_groups_and_nothing_else() {
    let store = open().await;
    let group = Group {
        id: GroupId::from_bytes(bytes(0x60)),
        name: "readers".to_owned(),
    };
    let (mine, ours, elsewhere) = (role(ONE, "Mine"), role(TWO, "Ours"), role(TWO, "Mine"));
    for statement in [
        user::adding(&a_user(1), at(1)),
        user::adding(&a_user(2), at(1)),
        directory::adding_group(&group),
        directory::joining(a_user(1).id, group.id),
        directory::putting_account(&account(ONE)),
        directory::putting_account(&account(TWO)),
        directory::putting_role(&mine),
        directory::putting_role(&ours),
        directory::putting_role(&elsewhere),
        directory::assigning(&assignment(*a_user(1).id.as_bytes(), &mine)),
        directory::assigning(&assignment(*group.id.as_bytes(), &ours)),
    ] {
        store.hold(statement).await;
    }
    let driver = store.driver();
    let (alice, bob) = (a_user(1).id, a_user(2).id);
    let has = async |user, role: &Role| {
        let found = access::role_of(driver, user, &role.account_id, &role.name).await;
        found.expect("a read")
    };
    assert_eq!(has(alice, &mine).await.as_ref(), Some(&mine));
    assert_eq!(has(alice, &ours).await.as_ref(), Some(&ours));
    assert_eq!(
        has(alice, &elsewhere).await,
        None,
        "the name in another account is another role"
    );
    assert_eq!(has(bob, &mine).await, None);
    let names = access::roles_of(driver, alice, &ours.account_id, "", 9)
        .await
        .expect("a read");
    assert!(names.iter().eq([&ours]));
    let first = access::accounts_of(driver, alice, "", 1)
        .await
        .expect("a read");
    assert_eq!(first, [account(ONE)]);
    let next = access::accounts_of(driver, alice, ONE, 9)
        .await
        .expect("a read");
    assert_eq!(next, [account(TWO)]);
    assert!(
        access::accounts_of(driver, bob, "", 9)
            .await
            .expect("a read")
            .is_empty()
    );
    assert_eq!(
        access::all_of(driver, alice).await.expect("a read").len(),
        2
    );
    store.hold(directory::leaving(alice, group.id)).await;
    assert_eq!(
        has(alice, &ours).await,
        None,
        "I9: decided at the moment of the call"
    );
    store
        .hold(directory::unassigning(&assignment(
            *alice.as_bytes(),
            &mine,
        )))
        .await;
    assert_eq!(has(alice, &mine).await, None);
}

#[tokio::test]
async fn the_directory_is_put_again_removed_once_and_read_whole() {
    let store = open().await;
    let group = Group {
        id: GroupId::from_bytes(bytes(0x60)),
        name: "readers".to_owned(),
    };
    let role = role(ONE, "Mine");
    let given = assignment(*group.id.as_bytes(), &role);
    let renamed = Account {
        name: "Renamed".to_owned(),
        ..account(ONE)
    };
    for statement in [
        directory::adding_group(&group),
        directory::joining(a_user(1).id, group.id),
        directory::putting_account(&account(ONE)),
        directory::putting_account(&renamed),
        directory::putting_role(&role),
        directory::putting_role(&role),
        directory::assigning(&given),
    ] {
        store.hold(statement).await;
    }
    let driver = store.driver();
    assert_eq!(
        directory::accounts(driver).await.expect("a read"),
        [renamed]
    );
    assert_eq!(
        directory::roles(driver).await.expect("a read"),
        std::slice::from_ref(&role)
    );
    assert_eq!(
        directory::assignments(driver).await.expect("a read"),
        std::slice::from_ref(&given)
    );
    assert_eq!(directory::groups(driver).await.expect("a read").len(), 1);
    let members = directory::memberships(driver).await.expect("a read");
    assert_eq!(members, [(a_user(1).id, group.id)]);
    for (what, statement) in [
        ("assignment", directory::unassigning(&given)),
        ("role", directory::removing_role(&role)),
        ("account", directory::removing_account(&account(ONE).id)),
        ("membership", directory::leaving(a_user(1).id, group.id)),
        ("group", directory::removing_group(group.id)),
    ] {
        store.hold(statement.clone()).await;
        store.refuse(what, statement).await;
    }
}

#[tokio::test]
async fn only_the_active_epoch_is_superseded_and_none_has_two_rsa_keys() {
    let store = open().await;
    let row = |epoch, state| EpochRow {
        epoch,
        state,
        wrapped: vec![epoch; 48],
        kek_id: "kek-1".to_owned(),
        rsa: None,
        since: at(1),
    };
    store
        .hold(keyring::inserting(&row(1, EpochState::Active)))
        .await;
    store
        .refuse("unknown", keyring::superseding(2, at(5)))
        .await;
    store.hold(keyring::superseding(1, at(5))).await;
    store.hold(keyring::adding_rsa(1, &[7; 9])).await;
    store
        .refuse("it has one", keyring::adding_rsa(1, &[8; 9]))
        .await;
    store
        .refuse("unknown", keyring::adding_rsa(2, &[8; 9]))
        .await;
    store
        .refuse("superseded already", keyring::superseding(1, at(6)))
        .await;
    let again = Plan::of(keyring::inserting(&row(1, EpochState::Active)));
    let again = store.driver().apply(again).await;
    assert!(again.is_err(), "an epoch is never written over");
    let all = keyring::all(store.driver()).await.expect("a read");
    let read = all
        .iter()
        .map(|row| (row.epoch, row.state, row.rsa.as_deref()));
    assert!(read.eq([(1, EpochState::Verifying, Some(&[7; 9][..]))]));
}

#[tokio::test]
async fn sgn_04_a_throttle_counts_to_its_limit_and_gives_back_to_nought() {
    let store = open().await;
    let (key, other) = ([1; 16], [2; 16]);
    for _ in 0..3 {
        store.hold(throttle::counting(&key, at(600), 3)).await;
    }
    store
        .refuse("full", throttle::counting(&key, at(600), 3))
        .await;
    store.hold(throttle::counting(&other, at(600), 3)).await;
    store.hold(throttle::counting(&key, at(1200), 3)).await;
    for _ in 0..5 {
        store.hold(throttle::giving_back(&key, at(600))).await;
    }
    for _ in 0..3 {
        store.hold(throttle::counting(&key, at(600), 3)).await;
    }
    store
        .refuse("full again", throttle::counting(&key, at(600), 3))
        .await;
}

#[tokio::test]
async fn the_log_is_read_back_in_order_and_numbers_go_on() {
    let store = open().await;
    let record = |seconds| Record {
        at: at(seconds),
        action: Action::CredentialsIssue,
        actor: "alice".to_owned(),
        subject: "111122223333/Developer".to_owned(),
        session_id: Some(a_session(1).id),
        client: Some("aws-cli".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        detail: "access key AKIA…".to_owned(),
    };
    assert_eq!(
        audit::last_sequence(store.driver(), "a")
            .await
            .expect("a read"),
        0
    );
    for (node, seq, seconds) in [("a", 1, 10), ("a", 2, 20), ("b", 1, 15)] {
        store
            .hold(audit::appending(node, seq, &record(seconds)))
            .await;
    }
    assert_eq!(
        audit::last_sequence(store.driver(), "a")
            .await
            .expect("a read"),
        2
    );
    let latest = audit::latest(store.driver(), at(12), 9)
        .await
        .expect("a read");
    assert!(latest.iter().map(|entry| entry.at).eq([at(15), at(20)]));
    let last = latest.last().expect("an entry");
    assert_eq!(last.session_id, Some(a_session(1).id));
    assert_eq!(
        (last.action.as_str(), last.actor.as_str()),
        ("credentials.issue", "alice")
    );
    let taken = claviger_store::statement::Plan::of(audit::appending("a", 2, &record(30)));
    assert!(
        store.driver().apply(taken).await.is_err(),
        "a number is used once"
    );
}

#[tokio::test]
async fn a_client_is_denied_once_and_allowed_again() {
    let store = open().await;
    for _ in 0..2 {
        store
            .hold(denied_client::denying(CLIENT, "lost laptop", at(1)))
            .await;
    }
    store
        .hold(denied_client::denying(OTHER_CLIENT, "", at(1)))
        .await;
    store.hold(denied_client::allowing(CLIENT)).await;
    assert_eq!(
        denied_client::all(store.driver()).await.expect("a read"),
        [OTHER_CLIENT]
    );
}

#[tokio::test]
async fn the_sweep_takes_undecided_devices_at_once_and_the_rest_a_day_later() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store
        .hold_plan(device::starting(&a_device(1), &[1; 16]))
        .await;
    store
        .hold_plan(device::starting(&a_device(2), &[2; 16]))
        .await;
    let decision = claviger_model::grant::device::Decision {
        user_id: a_user(1).id,
        at: at(200),
        auth_time: at(100),
        user_epoch: 0,
    };
    let denied = device::deciding(a_device(2).id, device::Outcome::Denied, decision, at(200));
    store.hold(denied).await;
    store.hold(codes::issuing(&a_code(1))).await;
    store.hold(session::starting(&a_session(1))).await;
    store.hold(web_session::starting(&a_web_session(1))).await;
    store.hold(throttle::counting(&[1; 16], at(600), 3)).await;
    let sweep = async |now: i64| {
        for step in sweep::steps(at(now), at(now - 86_400)) {
            store.hold(step).await;
        }
        let mut left = Vec::new();
        for sql in [
            "SELECT count(*) FROM devices",
            "SELECT count(*) FROM user_codes",
            "SELECT count(*) FROM auth_codes",
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM web_sessions",
            "SELECT count(*) FROM throttle",
        ] {
            left.push(store.count(sql).await);
        }
        left
    };
    assert_eq!(sweep(699).await, [2, 2, 1, 1, 1, 1], "nothing is over");
    assert_eq!(
        sweep(700).await,
        [1, 0, 1, 1, 1, 1],
        "the undecided one and the codes"
    );
    assert_eq!(
        sweep(86_400 + 159).await,
        [1, 0, 1, 1, 1, 1],
        "a day is not over"
    );
    assert_eq!(sweep(86_400 + 700).await, [0, 0, 0, 1, 1, 0]);
    assert_eq!(sweep(86_400 + 28_900).await, [0, 0, 0, 0, 0, 0]);
}
