//! When nothing can be written down: what gives access is refused, what takes it away goes on
//! (ADM-08). A full disk still has the ballast for that, see the store's own suite.

use claviger_engine::{
    admin::{client, directory, keys, session, user},
    error::{Error, Kind},
};
use claviger_tests::{
    TestServer,
    browser::form,
    driver::Mode,
    http::Response,
    seed::{self, SANDBOX},
};

use super::scene::{AWAY, HOME, Scene};

/// The modes in which no record can be written for what gives access.
const MODES: [Mode; 2] = [Mode::Full, Mode::ReadOnly];

fn assert_nothing_given(answer: &Response) {
    answer.assert_status(503);
    for secret in [
        "ASIAFAKE",
        "fake-signing-key",
        "fake-session-token",
        "cva1.",
        "cvr1.",
    ] {
        assert!(!answer.text().contains(secret), "{answer}");
    }
}

#[tokio::test]
async fn adm_08_no_credentials_leave_without_a_record() {
    for mode in MODES {
        let mut scene = Scene::set().await;
        let start = scene.browser.get("/start").await;
        let before = scene.server.rows().everything();
        scene.server.switch.set(mode);
        let aws = scene.server.aws();
        let access = &scene.held.tokens.access;
        let answer = aws.role_credentials(access, SANDBOX, "Developer").await;
        answer.assert_error(503, "InternalServerException");
        assert!(answer.header("retry-after").is_some(), "{answer}");
        assert_nothing_given(&answer);
        let page = scene
            .browser
            .submit(&form(&start, "/start/credentials"))
            .await;
        assert_nothing_given(&page);
        // The source was asked; what it gave stayed here.
        assert_eq!(scene.server.credentials.calls(), 2);
        assert_eq!(scene.server.rows().everything(), before);
        // Reading goes on.
        aws.list_accounts(access).await.assert_status(200);
        scene.browser.get("/start").await.assert_status(200);
        scene.server.switch.set(Mode::Working);
        let answer = aws.role_credentials(access, SANDBOX, "Developer").await;
        answer.assert_status(200);
        assert_eq!(scene.server.rows().recorded("credentials.issue"), 1);
    }
}

#[tokio::test]
async fn adm_08_nothing_new_begins_without_a_record() {
    for mode in MODES {
        let mut scene = Scene::set().await;
        let page = scene.browser.look_up(&scene.waiting.user_code).await;
        let mut fresh = scene.server.browser();
        let sign_in = fresh.get("/sign-in").await;
        let before = scene.server.rows().everything();
        scene.server.switch.set(mode);
        let aws = scene.server.aws().from(HOME);
        let answers = [
            fresh.sign_in_at(&sign_in, "alice", "correct horse").await,
            scene.browser.submit(&form(&page, "/device/approve")).await,
            scene.browser.consent(&scene.consent, "Allow").await,
            aws.refresh(&scene.held.client, scene.held.tokens.refresh_token())
                .await,
        ];
        for answer in &answers {
            assert_nothing_given(answer);
        }
        // A device keeps waiting: its client would give up on anything else.
        aws.poll(&scene.held.client, &scene.approved)
            .await
            .assert_error(400, "AuthorizationPendingException");
        assert_eq!(scene.server.rows().everything(), before);
        scene.server.switch.set(Mode::Working);
        aws.poll(&scene.held.client, &scene.approved)
            .await
            .assert_status(200);
    }
}

/// That the operator is told that it cannot be done now.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.expect_err("refused");
    let unavailable =
        matches!(&error, Error::Refused(refusal) if refusal.kind == Kind::Unavailable);
    assert!(unavailable, "{error}");
}

#[tokio::test]
async fn adm_08_no_admin_write_without_a_record() {
    for mode in MODES {
        let server = TestServer::start().await;
        let context = &server.context;
        user::disable(context, "bob").await.expect("disabled");
        let id = server.aws().register().await.id;
        client::deny(context, &id, "lost").await.expect("denied");
        let mut wanted = seed::directory();
        wanted.users.push(seed::person("carol"));
        let password = "another password".into();
        let before = server.rows().everything();
        server.switch.set(mode);
        refused(user::set_password(context, "alice", &password, false).await);
        refused(directory::apply(context, &wanted).await);
        refused(keys::rotate(context, None).await);
        refused(client::allow(context, &id).await);
        assert_eq!(server.rows().everything(), before);
        server.switch.set(Mode::Working);
        assert_eq!(
            keys::rotate(context, None).await.ok(),
            Some(2),
            "and goes on by itself"
        );
    }
}

#[tokio::test]
async fn adm_08_logout_and_revocation_go_on_with_the_last_room_and_are_recorded() {
    let mut scene = Scene::set().await;
    let server = &scene.server;
    let aws = server.aws().from(HOME);
    let page = scene.browser.get("/sessions").await;
    let out = scene.browser.get("/sign-out").await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(server.signed_in_device().await);
    }
    let bob = server.signed_in_device_of("bob").await;
    let ids = session::list(&server.context, Some("alice"))
        .await
        .expect("listed");
    let newest = ids.first().expect("one").1.id;
    let before = server.rows().audit().len();
    server.switch.set(Mode::Full);

    aws.logout(&others[0].tokens.access)
        .await
        .assert_status(200);
    let ended = scene.browser.submit(&form(&page, "/sessions/end")).await;
    ended.assert_status(303);
    session::end(&server.context, newest).await.expect("ended");
    scene
        .browser
        .submit(&form(&out, "/sign-out"))
        .await
        .assert_status(303);
    client::deny(&server.context, &others[1].client.id, "lost")
        .await
        .expect("denied");
    let password = "another password".into();
    let count = user::set_password(&server.context, "bob", &password, true).await;
    assert_eq!(count.ok(), Some(1));
    assert!(session::end_all(&server.context, "alice").await.is_ok());
    assert!(user::disable(&server.context, "alice").await.is_ok());
    assert!(session::end_everyone(&server.context).await.is_ok());

    let gone = others.iter().chain([&bob, &scene.held]);
    for device in gone {
        let told = aws.list_accounts(&device.tokens.access).await;
        told.assert_error(401, "UnauthorizedException");
    }
    assert_eq!(server.rows().live_sessions(), 0);
    let records = server.rows().audit();
    let since: Vec<&str> = records[before..]
        .iter()
        .map(|record| record.action.as_str())
        .collect();
    assert_eq!(
        since,
        [
            "session.end",
            "session.end",
            "session.end",
            "sign_out",
            "client.deny",
            "user.set_password",
            "session.end",
            "user.disable",
            "session.end",
        ]
    );
}

#[tokio::test]
async fn adm_08_a_theft_is_answered_on_a_full_disk_too() {
    let mut scene = Scene::set().await;
    let aws = scene.server.aws().from(HOME);
    let stolen = scene.held.tokens.refresh_token().to_owned();
    for _ in 0..2 {
        let next = aws
            .refresh(&scene.held.client, scene.held.tokens.refresh_token())
            .await;
        scene.held.tokens = claviger_tests::aws::Tokens::of(&next);
        scene.server.clock.advance(120);
    }
    scene.server.switch.set(Mode::Full);
    let thief = scene.server.aws().from(AWAY);
    let refused = thief.refresh(&scene.held.client, &stolen).await;
    refused.assert_error(400, "InvalidGrantException");
    let told = aws.list_accounts(&scene.held.tokens.access).await;
    told.assert_error(401, "UnauthorizedException");
    assert_eq!(scene.server.rows().recorded("refresh.reuse"), 1);
}

#[tokio::test]
async fn adm_08_a_person_who_leaves_the_directory_leaves_on_a_full_disk_too() {
    let server = TestServer::start().await;
    let device = server.signed_in_device_of("bob").await;
    let mut wanted = seed::directory();
    wanted.users.retain(|user| user.name.as_str() != "bob");
    wanted
        .groups
        .iter_mut()
        .for_each(|group| group.members.retain(|name| name.as_str() != "bob"));
    server.switch.set(Mode::Full);
    server.apply(&wanted).await;
    let told = server.aws().list_accounts(&device.tokens.access).await;
    told.assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn adm_08_one_session_more_at_the_cap_is_a_beginning_all_the_same() {
    let server = TestServer::builder()
        .policy(|policy| policy.limits.sessions_per_user = 1)
        .start()
        .await;
    let held = server.signed_in_device().await;
    let aws = server.aws();
    let next = aws.start_device(&held.client).await;
    server
        .browser_of("alice")
        .await
        .approve(&next.user_code)
        .await
        .assert_status(303);
    server.switch.set(Mode::Full);
    aws.poll(&held.client, &next)
        .await
        .assert_error(400, "AuthorizationPendingException");
    aws.list_accounts(&held.tokens.access)
        .await
        .assert_status(200);
    assert_eq!(server.rows().sessions(), 1);
}
