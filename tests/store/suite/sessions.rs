//! Sessions: every guard of every verb.

use claviger_model::{
    directory::UserState,
    session::{EndReason, Session},
};
use claviger_store::repository::{
    session::{self, Rotation},
    user,
};

use super::open;
use crate::fixture::{CLIENT, OTHER_CLIENT, Opened, at, session as a_session, user as a_user};

async fn with_session() -> (Opened, Session) {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store.hold(session::starting(&a_session(1))).await;
    (store, a_session(1))
}

fn rotation(from: u32) -> Rotation {
    Rotation {
        from,
        to: from + 1,
        epoch: 2,
        network: [9; 8],
        idle_expires_at: at(21_000),
    }
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_written_each_id_in_its_place() {
    let (store, written) = with_session().await;
    let found = session::with_user(store.driver(), written.id).await;
    let (read, person) = found.expect("a read").expect("a session");
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    assert_eq!(read.secret.reveal(), written.secret.reveal());
    assert_eq!(person, a_user(1));
}

#[tokio::test]
async fn a_session_without_its_person_is_not_found() {
    let (store, written) = with_session().await;
    store.hold(user::removing(a_user(1).id)).await;
    let found = session::with_user(store.driver(), written.id).await;
    assert!(found.expect("a read").is_none());
}

#[tokio::test]
async fn rotating_moves_the_generation_and_remembers_four_rotations() {
    let (store, mut session) = with_session().await;
    for (step, now) in [(1, 200), (2, 300), (3, 400), (4, 500), (5, 600)] {
        store
            .hold(session::rotating(&session, &rotation(step), at(now)))
            .await;
        session = store.session(session.id).await;
        assert_eq!(session.rotations.generation, step + 1);
    }
    assert_eq!(
        session.rotations.rotated_at,
        [600, 500, 400, 300].map(|s| Some(at(s)))
    );
    assert_eq!(session.rotations.rotated_network, Some([9; 8]));
    assert_eq!(session.rotations.generation_epoch, 2);
    assert_eq!(session.idle_expires_at, at(21_000));
}

#[tokio::test]
async fn rotating_repeats_everything_that_made_the_judgement_true() {
    let (store, session) = with_session().await;
    let rotate =
        |session: &Session, from, now| session::rotating(session, &rotation(from), at(now));
    store
        .refuse("another generation", rotate(&session, 2, 200))
        .await;
    let unknown = Session {
        id: a_session(9).id,
        ..session.clone()
    };
    store
        .refuse("another session", rotate(&unknown, 1, 200))
        .await;
    store
        .refuse("idle too long", rotate(&session, 1, 20_000))
        .await;
    store.hold(rotate(&session, 1, 19_999)).await;
    store.refuse("over", rotate(&session, 2, 28_800)).await;
    store
        .hold(session::ending(session.id, EndReason::Logout, at(300)))
        .await;
    store.refuse("ended", rotate(&session, 2, 400)).await;
}

#[tokio::test]
async fn nothing_rotates_once_the_person_is_stopped() {
    let (store, session) = with_session().await;
    let rotate = || session::rotating(&session, &rotation(1), at(200));
    store
        .hold(user::setting_state(a_user(1).id, UserState::Disabled))
        .await;
    store.refuse("disabled since it was judged", rotate()).await;
    store
        .hold(user::setting_state(a_user(1).id, UserState::Active))
        .await;
    store.refuse("of an epoch that is over", rotate()).await;
    store.hold(user::removing(a_user(1).id)).await;
    store.refuse("removed", rotate()).await;
}

#[tokio::test]
async fn a_late_answer_is_counted_only_of_what_was_judged() {
    let (store, session) = with_session().await;
    let changed = |change: fn(&mut Session)| {
        let mut session = session.clone();
        change(&mut session);
        session::counting_late_answer(&session)
    };
    store
        .refuse("generation", changed(|s| s.rotations.generation = 2))
        .await;
    store
        .refuse("count", changed(|s| s.rotations.late_answers = 1))
        .await;
    store
        .refuse("use", changed(|s| s.rotations.used_generation = 1))
        .await;
    store.hold(changed(|_| ())).await;
    store.refuse("counted already", changed(|_| ())).await;
    store
        .hold(session::ending(session.id, EndReason::Logout, at(300)))
        .await;
    store
        .refuse("ended", changed(|s| s.rotations.late_answers = 1))
        .await;
}

#[tokio::test]
async fn use_only_grows() {
    let (store, session) = with_session().await;
    for (mark, expected) in [(3, 3), (2, 3), (3, 3), (4, 4)] {
        store.hold(session::marking_used(session.id, mark)).await;
        assert_eq!(
            store.session(session.id).await.rotations.used_generation,
            expected
        );
    }
}

#[tokio::test]
async fn a_session_ends_once_and_keeps_its_first_reason() {
    let (store, session) = with_session().await;
    store
        .hold(session::ending(session.id, EndReason::Logout, at(300)))
        .await;
    let again = session::ending(session.id, EndReason::Person, at(400));
    store.refuse("ended already", again).await;
    store
        .refuse(
            "unknown",
            session::ending(a_session(9).id, EndReason::Person, at(1)),
        )
        .await;
    assert_eq!(store.session(session.id).await.revoked_at, Some(at(300)));
}

#[tokio::test]
async fn theft_ends_a_session_only_at_the_judged_generation() {
    let (store, session) = with_session().await;
    store
        .hold(session::rotating(&session, &rotation(1), at(200)))
        .await;
    let judged = |session: &Session| {
        session::ending_at_generation(session, EndReason::RefreshReuse, at(300))
    };
    store.refuse("rotated meanwhile", judged(&session)).await;
    let now = store.session(session.id).await;
    store.hold(judged(&now)).await;
    store.refuse("ended already", judged(&now)).await;
}

#[tokio::test]
async fn ending_by_person_or_client_takes_what_lives_and_nothing_else() {
    let (store, _) = with_session().await;
    store.hold(user::adding(&a_user(2), at(1))).await;
    let others = [
        Session {
            id: a_session(2).id,
            user_id: a_user(2).id,
            ..a_session(2)
        },
        Session {
            client: OTHER_CLIENT,
            ..a_session(3)
        },
        Session {
            idle_expires_at: at(150),
            ..a_session(4)
        },
    ];
    for session in &others {
        store.hold(session::starting(session)).await;
    }
    let live = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL";
    store
        .hold(session::ending_of_client(
            CLIENT,
            EndReason::Administrator,
            at(200),
        ))
        .await;
    assert_eq!(
        store.count(live).await,
        2,
        "the other client's and the one that was over"
    );
    store
        .hold(session::ending_of_user(
            a_user(1).id,
            EndReason::Administrator,
            at(200),
        ))
        .await;
    assert_eq!(store.count(live).await, 1, "the one that was over");
    let nobody = session::ending_of_user(a_user(9).id, EndReason::Person, at(1));
    store.hold(nobody).await;
}

#[tokio::test]
async fn live_sessions_are_those_neither_ended_nor_over_nor_of_an_older_epoch() {
    let (store, one) = with_session().await;
    let two = Session {
        created_at: at(500),
        ..a_session(2)
    };
    let over = Session {
        idle_expires_at: at(600),
        ..a_session(3)
    };
    for session in [&two, &over] {
        store.hold(session::starting(session)).await;
    }
    let of_user = async || {
        let live = session::live_of_user(store.driver(), a_user(1).id, at(600)).await;
        live.expect("a read")
            .into_iter()
            .map(|session| session.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(of_user().await, [two.id, one.id], "newest first");
    let all = session::live(store.driver(), at(600), 1)
        .await
        .expect("a read");
    assert!(
        all.iter().map(|(_, session)| session.id).eq([two.id]),
        "no more than asked for"
    );
    store
        .hold(user::setting_state(a_user(1).id, UserState::Disabled))
        .await;
    assert!(of_user().await.is_empty());
}
