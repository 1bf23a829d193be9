//! Plans: whole or not at all, each for itself, durable and visible when answered.

use claviger_model::audit::{Action, Record};
use claviger_store::{
    error::Error,
    repository::{audit, session, user},
    statement::{Applied, Plan, Query, Statement},
    value::Value,
};

use super::open;
use crate::fixture::{at, session as a_session, user as a_user};

fn record() -> Record {
    Record {
        at: at(100),
        action: Action::SessionStart,
        actor: "user-1".to_owned(),
        subject: "user-1".to_owned(),
        session_id: None,
        client: None,
        address: None,
        detail: String::new(),
    }
}

fn never() -> Statement {
    Statement::one("DELETE FROM users WHERE name = 'nobody'")
}

#[tokio::test]
async fn a_plan_fails_whole_at_each_of_its_statements() {
    let store = open().await;
    let good = [
        user::adding(&a_user(1), at(1)),
        session::starting(&a_session(1)),
        audit::appending("n", 1, &record()),
    ];
    for position in 0..=good.len() {
        let mut plan = good.to_vec();
        plan.insert(position, never());
        let why = format!("unmet at {position}");
        store.refuse_plan(&why, Plan(plan), position).await;
    }
    store.hold_plan(Plan(good.to_vec())).await;
    assert_eq!(store.count("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn a_broken_statement_takes_its_own_plan_and_no_other() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    let broken = Plan::of(user::adding(&a_user(2), at(1))).then(Statement::one(
        "INSERT INTO users (no_such_column) VALUES (1)",
    ));
    let twice = Plan::of(user::adding(&a_user(3), at(1))).then(user::adding(&a_user(1), at(1)));
    let (first, broken, twice, last) = tokio::join!(
        store
            .driver()
            .apply(Plan::of(user::adding(&a_user(4), at(1)))),
        store.driver().apply(broken),
        store.driver().apply(twice),
        store
            .driver()
            .apply(Plan::of(user::adding(&a_user(5), at(1)))),
    );
    assert!(first.is_ok_and(Applied::is_whole) && last.is_ok_and(Applied::is_whole));
    assert!(matches!(broken, Err(Error::Statement(_))), "{broken:?}");
    assert!(matches!(twice, Err(Error::Statement(_))), "{twice:?}");
    let names = "SELECT count(*) FROM users WHERE name IN ('user-2', 'user-3')";
    assert_eq!(store.count(names).await, 0);
    assert_eq!(store.count("SELECT count(*) FROM users").await, 3);
}

#[tokio::test]
async fn what_was_answered_is_seen_by_every_later_read() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    for epoch in 1..=200 {
        store.hold(user::raising_epoch(a_user(1).id)).await;
        let found = user::by_id(store.driver(), a_user(1).id).await;
        assert_eq!(found.expect("a read").expect("a user").epoch, epoch);
    }
}

#[tokio::test]
async fn an_empty_plan_holds_and_changes_nothing() {
    let store = open().await;
    let before = store.everything().await;
    assert!(store.apply(Plan::default()).await.is_whole());
    assert_eq!(store.everything().await, before);
}

#[tokio::test]
async fn a_guard_is_an_exact_number_of_rows() {
    let store = open().await;
    for number in 1..=3 {
        store.hold(user::adding(&a_user(number), at(1))).await;
    }
    let all = "UPDATE users SET user_epoch = user_epoch + 1";
    store
        .refuse("three rows where one must be", Statement::one(all))
        .await;
    let applied = store.apply(Plan::of(Statement::any(all))).await;
    assert_eq!(applied, Applied::Whole { changed: 3 });
    let none = Statement::any("DELETE FROM users WHERE name = 'nobody'");
    assert_eq!(
        store.apply(Plan::of(none)).await,
        Applied::Whole { changed: 0 }
    );
}

#[tokio::test]
async fn parameters_go_by_their_number_and_keep_their_type() {
    let store = open().await;
    let sql = "INSERT INTO audit (node, seq, at, action, actor, subject, sid, client, address, detail) \
               VALUES ($2, $1, $1, $2, $2, $2, $3, $4, $4, $2)";
    let statement = Statement::one(sql)
        .bind(7_i64)
        .bind("text'; --")
        .bind(vec![0_u8, 255]);
    store.hold(statement.bind(Value::Null)).await;
    let query = Query::new("SELECT node, seq, sid, client, at FROM audit WHERE seq = $1");
    let rows = store.driver().fetch(query.bind(7_i64)).await;
    let rows = rows.expect("a read");
    let expected = [
        Value::Text("text'; --".to_owned()),
        Value::Integer(7),
        Value::Bytes(vec![0, 255]),
        Value::Null,
        Value::Integer(7),
    ];
    assert!(rows.first().is_some_and(|row| row.0 == expected));
}

#[tokio::test]
async fn a_wrong_number_of_parameters_is_our_bug_and_changes_nothing() {
    let store = open().await;
    let one_short = Statement::any("DELETE FROM users WHERE name = $1 OR name = $2").bind("a");
    let one_more = Statement::any("DELETE FROM users WHERE name = $1")
        .bind("a")
        .bind("b");
    for statement in [one_short, one_more] {
        let answer = store.driver().apply(Plan::of(statement)).await;
        assert!(matches!(answer, Err(Error::Statement(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn r9_the_audit_record_stands_or_falls_with_its_change() {
    let store = open().await;
    store.hold(user::adding(&a_user(1), at(1))).await;
    store.hold(session::starting(&a_session(1))).await;
    let end = session::ending(
        a_session(1).id,
        claviger_model::session::EndReason::Logout,
        at(200),
    );
    let plan = || Plan::of(end.clone()).then(audit::appending("n", 1, &record()));
    store.hold_plan(plan()).await;
    store.refuse_plan("ended twice", plan(), 0).await;
    assert_eq!(store.count("SELECT count(*) FROM audit").await, 1);
    // A number that is taken refuses the change as well.
    store.hold(session::starting(&a_session(2))).await;
    let other = session::ending(
        a_session(2).id,
        claviger_model::session::EndReason::Logout,
        at(200),
    );
    let taken = Plan::of(other).then(audit::appending("n", 1, &record()));
    assert!(store.driver().apply(taken).await.is_err());
    assert_eq!(store.session(a_session(2).id).await.revoked_at, None);
}
