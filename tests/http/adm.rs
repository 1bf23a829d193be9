//! Administration: effective at the next call, and each change of state recorded once, with it.

use std::collections::BTreeMap;

use claviger_engine::admin::{client, directory, keys, rollback, session, user};
use claviger_model::{id::SessionId, secret::Secret};
use claviger_store::repository::audit::Entry;
use claviger_tests::{
    TestServer,
    aws::Tokens,
    driver::Mode,
    seed::{self, PRODUCTION, SANDBOX},
    server::SignedInDevice,
};

const LOOPBACK: &str = "http://127.0.0.1/oauth/callback";

/// Everything that `alice` held is dead: access, refresh, browser.
async fn assert_dead(server: &TestServer, held: &SignedInDevice) {
    let aws = server.aws();
    let listed = aws.list_accounts(&held.tokens.access).await;
    listed.assert_error(401, "UnauthorizedException");
    let refreshed = aws.refresh(&held.client, held.tokens.refresh_token()).await;
    refreshed.assert_error(400, "InvalidGrantException");
    assert_eq!(
        refreshed.member("message"),
        "Invalid refresh token provided"
    );
}

#[tokio::test]
async fn adm_04_a_disabled_person_holds_nothing_from_the_next_call_on() {
    let server = TestServer::start().await;
    let (first, second) = (
        server.signed_in_device().await,
        server.signed_in_device().await,
    );
    let bob = server.signed_in_device_of("bob").await;
    let mut browser = server.browser_of("alice").await;
    let waiting = server.aws().start_device(&first.client).await;
    browser.approve(&waiting.user_code).await.assert_status(303);
    let ended = user::disable(&server.context, "ALICE")
        .await
        .expect("disabled");
    assert_eq!(ended, 2, "the count of sessions that ended");
    for held in [&first, &second] {
        assert_dead(&server, held).await;
    }
    let page = browser.get("/start").await;
    assert_eq!(page.status, 303, "the browser has to sign in again: {page}");
    let poll = server.aws().poll(&first.client, &waiting).await;
    poll.assert_error(400, "AccessDeniedException");
    server
        .aws()
        .list_accounts(&bob.tokens.access)
        .await
        .assert_status(200);

    user::enable(&server.context, "alice")
        .await
        .expect("enabled");
    assert_dead(&server, &first).await;
    let again = server.signed_in_device().await;
    server
        .aws()
        .list_accounts(&again.tokens.access)
        .await
        .assert_status(200);
    user::enable(&server.context, "alice")
        .await
        .expect("nothing to do");
    server
        .aws()
        .list_accounts(&again.tokens.access)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn adm_04_a_person_who_is_no_longer_in_the_directory_is_out() {
    let server = TestServer::start().await;
    let held = server.signed_in_device().await;
    let mut wanted = seed::directory();
    wanted.users.retain(|user| user.name.as_str() != "alice");
    for group in &mut wanted.groups {
        group.members.retain(|member| member.as_str() != "alice");
    }
    for role in &mut wanted.roles {
        role.users.retain(|name| name.as_str() != "alice");
    }
    directory::apply(&server.context, &wanted)
        .await
        .expect("applied");
    assert_dead(&server, &held).await;
}

#[tokio::test]
async fn adm_04_an_assignment_and_a_role_go_at_the_next_call() {
    let server = TestServer::start().await;
    let held = server.signed_in_device().await;
    let draws = async |role: &str| {
        let aws = server.aws();
        aws.role_credentials(&held.tokens.access, SANDBOX, role)
            .await
            .status
            .as_u16()
    };
    assert_eq!(
        (draws("Developer").await, draws("ReadOnly").await),
        (200, 200)
    );
    let mut wanted = seed::directory();
    for role in &mut wanted.roles {
        if role.role.name.as_str() == "Developer" {
            role.users.clear();
        }
    }
    directory::apply(&server.context, &wanted)
        .await
        .expect("applied");
    assert_eq!(
        (draws("Developer").await, draws("ReadOnly").await),
        (403, 200)
    );
    wanted
        .roles
        .retain(|role| role.role.name.as_str() != "ReadOnly");
    directory::apply(&server.context, &wanted)
        .await
        .expect("applied");
    assert_eq!(draws("ReadOnly").await, 403);
    let listed = server.aws().list_accounts(&held.tokens.access).await;
    listed.assert_status(200);
    assert!(!listed.to_string().contains(PRODUCTION), "{listed}");
}

#[tokio::test]
async fn adm_04_all_sessions_of_a_person_or_of_everybody_end_together() {
    let server = TestServer::start().await;
    let (first, second) = (
        server.signed_in_device().await,
        server.signed_in_device().await,
    );
    let bob = server.signed_in_device_of("bob").await;
    assert_eq!(
        session::end_all(&server.context, "alice")
            .await
            .expect("ended"),
        2
    );
    for held in [&first, &second] {
        assert_dead(&server, held).await;
    }
    server
        .aws()
        .list_accounts(&bob.tokens.access)
        .await
        .assert_status(200);
    let again = server.signed_in_device().await;
    assert_eq!(
        session::end_everyone(&server.context).await.expect("ended"),
        2
    );
    for held in [&again, &bob] {
        assert_dead(&server, held).await;
    }
}

#[tokio::test]
async fn adm_06_each_change_of_state_leaves_exactly_one_record() {
    let server = TestServer::start().await;
    let mut told: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    let mut seen = server.rows().audit().len();
    let mut expect = |names: &'static [&'static str]| {
        let fresh = server.rows().audit().split_off(seen);
        seen += fresh.len();
        let actions: Vec<&str> = fresh.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, names);
        for (name, entry) in names.iter().zip(fresh) {
            told.entry(name).or_default().push(entry);
        }
    };
    let mut browser = server.browser().from("198.51.100.7");
    browser
        .sign_in("alice", "correct horse")
        .await
        .assert_status(303);
    expect(&["sign_in"]);
    let aws = server.aws();
    let client = aws.register().await;
    let denied = aws.start_device(&client).await;
    browser.deny(&denied.user_code).await.assert_status(303);
    expect(&["device.deny"]);
    let device = aws.start_device(&client).await;
    browser.approve(&device.user_code).await.assert_status(303);
    expect(&["device.approve"]);
    let tokens = Tokens::of(&aws.poll(&client, &device).await);
    expect(&["session.start"]);
    Tokens::of(&aws.refresh(&client, tokens.refresh_token()).await);
    aws.list_accounts(&tokens.access).await.assert_status(200);
    expect(&[]);
    let drawn = aws
        .role_credentials(&tokens.access, SANDBOX, "Developer")
        .await;
    drawn.assert_status(200);
    expect(&["credentials.issue"]);
    aws.role_credentials(&tokens.access, SANDBOX, "Admin")
        .await
        .assert_status(403);
    expect(&[]);
    aws.logout(&tokens.access).await.assert_status(200);
    expect(&["session.end"]);
    aws.logout(&tokens.access).await.assert_status(401);
    expect(&[]);

    let codes = aws.register_for_codes(LOOPBACK).await;
    let code = server.code_for(&codes).await;
    expect(&["sign_in", "authorize.approve"]);
    aws.redeem(&codes, &code).await.assert_status(200);
    expect(&["session.start"]);
    aws.redeem(&codes, &code)
        .await
        .assert_error(400, "InvalidGrantException");
    expect(&["code.replay"]);
    let page = browser.get("/sign-out").await;
    let form = claviger_tests::browser::form(&page, "/sign-out");
    browser.submit(&form).await;
    expect(&["sign_out"]);

    let context = &server.context;
    user::set_password(context, "bob", &Secret::from("battery staple"), false)
        .await
        .expect("set");
    expect(&["user.set_password"]);
    user::disable(context, "bob").await.expect("disabled");
    user::disable(context, "bob").await.expect("nothing to do");
    user::enable(context, "bob").await.expect("enabled");
    expect(&["user.disable", "user.enable"]);
    client::deny(context, &client.id, "a stolen laptop")
        .await
        .expect("denied");
    client::allow(context, &client.id).await.expect("allowed");
    expect(&["client.deny", "client.allow"]);
    keys::rotate(context).await.expect("rotated");
    expect(&["keys.rotate"]);
    rollback::accept(context).await.expect("accepted");
    expect(&["rollback.accept"]);
    session::end(context, SessionId::from_bytes([7; 16]))
        .await
        .expect_err("no such session");
    expect(&[]);
    let mut wanted = seed::directory();
    wanted.users.push(seed::person("carol"));
    directory::apply(context, &wanted).await.expect("applied");
    expect(&["directory.apply"]);
    directory::apply(context, &wanted)
        .await
        .expect("nothing to do");
    expect(&[]);

    let only = |name: &str| {
        told.get(name)
            .and_then(|entries| entries.first())
            .expect("told")
    };
    let sign_in = only("sign_in");
    assert_eq!(
        (sign_in.actor.as_str(), sign_in.address.as_deref()),
        ("alice", Some("127.0.0.1"))
    );
    let start = only("session.start");
    assert!(
        start.session_id.is_some() && start.client.is_some(),
        "{start:?}"
    );
    let issue = only("credentials.issue");
    assert_eq!(issue.subject, format!("{SANDBOX}/Developer"));
    assert_eq!(issue.session_id, start.session_id);
    let apply = only("directory.apply");
    let told = (
        apply.actor.as_str(),
        apply.subject.as_str(),
        apply.detail.as_str(),
    );
    assert_eq!(told, ("operator", "user carol", "added"));
}

#[tokio::test]
async fn adm_06_a_change_that_is_not_made_leaves_no_record() {
    let server = TestServer::start().await;
    let held = server.signed_in_device().await;
    let before = server.rows().everything();
    server.switch.set(Mode::ReadOnly);
    let ended = server.aws().logout(&held.tokens.access).await;
    ended.assert_status(503);
    user::disable(&server.context, "alice")
        .await
        .expect_err("not written");
    server.switch.set(Mode::Working);
    assert_eq!(server.rows().everything(), before);
}
