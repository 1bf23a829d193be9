//! What an operator takes away is gone at the next call, on every node, by one transaction.

use claviger_engine::{
    admin::{directory, session, user, wanted::Directory},
    context::Context,
};
use claviger_model::{id::SessionId, session::Session};
use claviger_store::{repository::session as sessions, statement::Plan};
use claviger_tests::{
    TestServer,
    aws::{Aws, Code, Device, Tokens},
    browser::Browser,
    driver::Mode,
    node::Node,
    seed::{self, PRODUCTION, SANDBOX},
    server::SignedInDevice,
};

/// How an operator ends what alice holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Disable,
    Delete,
    EndAll,
    EndEveryone,
    NewPassword,
}

const WAYS: [Way; 5] = [
    Way::Disable,
    Way::Delete,
    Way::EndAll,
    Way::EndEveryone,
    Way::NewPassword,
];

/// Takes that way; answers how many sessions it says have ended.
async fn take(way: Way, context: &Context) -> Option<usize> {
    let count = match way {
        Way::Disable => user::disable(context, "alice").await,
        Way::EndAll => session::end_all(context, "ALICE").await,
        Way::EndEveryone => session::end_everyone(context).await,
        Way::NewPassword => {
            let password = "another password".into();
            user::set_password(context, "alice", &password, true).await
        }
        Way::Delete => {
            let changes = directory::apply(context, &without_alice()).await;
            let changes = changes.expect("applied");
            let gone = changes.iter().find(|c| c.subject == "user alice");
            assert_eq!(gone.expect("a change").detail, "and all sessions");
            return None;
        }
    };
    Some(count.expect("done"))
}

fn without_alice() -> Directory {
    let mut wanted = seed::directory();
    wanted.users.retain(|user| user.name.as_str() != "alice");
    for group in &mut wanted.groups {
        group.members.retain(|name| name.as_str() != "alice");
    }
    for role in &mut wanted.roles {
        role.users.clear();
    }
    wanted
}

/// What alice holds: two devices, a browser, an approval and a code not yet redeemed.
struct Held {
    devices: [SignedInDevice; 2],
    browser: Browser,
    approved: Device,
    code: (claviger_tests::aws::Client, Code),
}

impl Held {
    async fn by_alice(server: &TestServer) -> Self {
        let devices = [
            server.signed_in_device().await,
            server.signed_in_device().await,
        ];
        let mut browser = server.browser_of("alice").await;
        let aws = server.aws();
        let approved = aws.start_device(&devices[0].client).await;
        browser
            .approve(&approved.user_code)
            .await
            .assert_status(303);
        let code = server.code().await;
        Self {
            devices,
            browser,
            approved,
            code,
        }
    }

    /// That it all works.
    async fn assert_alive(&self, aws: &Aws) {
        for device in &self.devices {
            let access = &device.tokens.access;
            aws.list_accounts(access).await.assert_status(200);
            let given = aws.role_credentials(access, SANDBOX, "Developer").await;
            given.assert_status(200);
        }
        let page = self.browser.clone().get("/sessions").await;
        page.assert_status(200);
    }

    /// That nothing of it works.
    async fn assert_dead(&self, aws: &Aws, mut browser: Browser) {
        for device in &self.devices {
            let access = &device.tokens.access;
            aws.list_accounts(access)
                .await
                .assert_error(401, "UnauthorizedException");
            aws.role_credentials(access, SANDBOX, "Developer")
                .await
                .assert_error(401, "UnauthorizedException");
            aws.refresh(&device.client, device.tokens.refresh_token())
                .await
                .assert_error(400, "InvalidGrantException");
            // The code of a session that is dead brings it back no more than its tokens do.
            let again = aws.poll(&device.client, &device.device).await;
            again.assert_error(400, "InvalidGrantException");
        }
        let page = browser.get("/sessions").await;
        page.assert_status(303);
        assert!(
            page.header("location")
                .is_some_and(|to| to.starts_with("/sign-in"))
        );
        aws.poll(&self.devices[0].client, &self.approved)
            .await
            .assert_error(400, "AccessDeniedException");
        aws.redeem(&self.code.0, &self.code.1)
            .await
            .assert_error(400, "InvalidGrantException");
    }
}

/// Two nodes on one store, and what alice and bob hold there.
async fn two_nodes() -> (TestServer, Node, Held, SignedInDevice) {
    let server = TestServer::start().await;
    let node = server.node("other").start().await;
    let alice = Held::by_alice(&server).await;
    let bob = server.signed_in_device_of("bob").await;
    // Both nodes have served what they are to refuse.
    alice.assert_alive(&server.aws()).await;
    alice.assert_alive(&node.aws()).await;
    (server, node, alice, bob)
}

#[tokio::test]
async fn adm_04_what_a_person_holds_is_dead_at_the_next_call_on_every_node() {
    for way in WAYS {
        let (server, node, alice, bob) = two_nodes().await;
        let (writes, others) = (server.switch.writes(), usize::from(way == Way::EndEveryone));
        let count = take(way, &node.context).await;
        // Everybody is voided by one; then the rows are marked, browsers first.
        let transactions = if way == Way::EndEveryone { 3 } else { 1 };
        assert_eq!(
            server.switch.writes(),
            writes + transactions,
            "{way:?}: one transaction"
        );
        assert!(
            count.is_none_or(|count| count == 2 + others),
            "{way:?}: {count:?}"
        );
        alice
            .assert_dead(&server.aws(), alice.browser.clone())
            .await;
        alice
            .assert_dead(&node.aws(), node.browser_like(&alice.browser))
            .await;
        let told = server.aws().list_accounts(&bob.tokens.access).await;
        told.assert_status(if way == Way::EndEveryone { 401 } else { 200 });
        let ended = server.rows().count(
            "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL \
             AND end_reason = 'administrator'",
        );
        assert_eq!(ended, 2 + i64::try_from(others).expect("few"), "{way:?}");
        let (password, status) = match way {
            Way::Disable | Way::Delete => ("correct horse", 403),
            Way::EndAll | Way::EndEveryone => ("correct horse", 303),
            Way::NewPassword => ("another password", 303),
        };
        server.secrets().add(password);
        let back = server.browser().sign_in("alice", password).await;
        back.assert_status(status);
        server.finish().await;
    }
}

/// However many sessions there are, no transaction holds them all.
#[tokio::test]
async fn everybody_is_ended_in_batches_and_nobody_is_left_out() {
    let server = TestServer::start().await;
    let held = server.signed_in_device().await;
    let listed = session::list(&server.context, None).await.expect("a list");
    let (_, template) = listed.into_iter().next().expect("a session");
    // Ids from the first to the last that there can be, and twice what a batch holds.
    let ids = (1..=4_100_u128).map(|number| number * (u128::MAX / 4_100));
    let more = ids.map(|id| {
        sessions::starting(&Session {
            id: SessionId::from_bytes(id.to_be_bytes()),
            ..template.clone()
        })
    });
    let planted = server.store.apply(Plan(more.collect())).await;
    assert!(planted.expect("a write").is_whole());
    let ended = session::end_everyone(&server.context).await;
    assert_eq!(ended.ok(), Some(4_101));
    assert_eq!(server.rows().live_sessions(), 0);
    let told = server.aws().list_accounts(&held.tokens.access).await;
    told.assert_status(401);
}

#[tokio::test]
async fn adm_04_only_what_still_lived_is_counted() {
    let server = TestServer::start().await;
    let over = server.signed_in_device().await;
    let left = server.signed_in_device().await;
    let held = server.signed_in_device().await;
    server
        .aws()
        .logout(&left.tokens.access)
        .await
        .assert_status(200);
    assert_eq!(
        server
            .tamper("UPDATE sessions SET idle_exp = created_at WHERE revoked_at IS NULL")
            .await,
        2
    );
    let last = server.signed_in_device().await;
    assert_eq!(
        session::end_all(&server.context, "alice").await.ok(),
        Some(1)
    );
    assert_eq!(
        session::end_all(&server.context, "alice").await.ok(),
        Some(0)
    );
    assert_eq!(user::disable(&server.context, "alice").await.ok(), Some(0));
    for device in [over, left, held, last] {
        let told = server.aws().list_accounts(&device.tokens.access).await;
        told.assert_error(401, "UnauthorizedException");
    }
}

#[tokio::test]
async fn adm_04_nobody_is_half_disabled() {
    let (server, node, alice, _) = two_nodes().await;
    server.switch.set(Mode::ReadOnly);
    let before = server.rows().everything();
    for way in [Way::Disable, Way::EndAll, Way::EndEveryone] {
        let refused = match way {
            Way::Disable => user::disable(&node.context, "alice").await,
            Way::EndAll => session::end_all(&node.context, "alice").await,
            _ => session::end_everyone(&node.context).await,
        };
        assert!(refused.is_err(), "{way:?}");
    }
    assert!(
        directory::apply(&node.context, &without_alice())
            .await
            .is_err()
    );
    server.switch.set(Mode::Working);
    assert_eq!(server.rows().everything(), before);
    alice.assert_alive(&node.aws()).await;
}

#[tokio::test]
async fn adm_04_one_who_is_enabled_again_gets_nothing_back() {
    let (server, node, alice, _) = two_nodes().await;
    user::disable(&server.context, "alice")
        .await
        .expect("disabled");
    user::enable(&server.context, "alice")
        .await
        .expect("enabled");
    alice
        .assert_dead(&server.aws(), alice.browser.clone())
        .await;
    alice
        .assert_dead(&node.aws(), node.browser_like(&alice.browser))
        .await;
    // Nor does one who is deleted and comes back under the same name.
    let again = server.signed_in_device().await;
    server.apply(&without_alice()).await;
    server.apply(&seed::directory()).await;
    let told = node.aws().list_accounts(&again.tokens.access).await;
    told.assert_error(401, "UnauthorizedException");
}

/// What an operator takes from a directory, and what alice may no longer have of the sandbox.
type Take = (&'static str, fn(&mut Directory), &'static str);

const TAKES: [Take; 5] = [
    (
        "assignment",
        |wanted| wanted.roles[0].users.clear(),
        "Developer",
    ),
    ("role", |wanted| drop(wanted.roles.remove(0)), "Developer"),
    (
        "membership",
        |wanted| {
            wanted.groups[0]
                .members
                .retain(|name| name.as_str() != "alice");
        },
        "ReadOnly",
    ),
    (
        "group",
        |wanted| {
            wanted.groups.remove(0);
            wanted
                .roles
                .iter_mut()
                .for_each(|role| role.groups.retain(|name| name != "readers"));
        },
        "ReadOnly",
    ),
    (
        "account",
        |wanted| {
            wanted.accounts.remove(0);
            wanted
                .roles
                .retain(|role| role.role.account_id.as_str() != SANDBOX);
        },
        "ReadOnly",
    ),
];

#[tokio::test]
async fn adm_04_what_is_unassigned_is_refused_at_the_next_call_on_every_node() {
    for (what, take, role) in TAKES {
        let server = TestServer::start().await;
        let node = server.node("other").start().await;
        let device = server.signed_in_device().await;
        let access = &device.tokens.access;
        let callers = [server.aws(), node.aws()];
        for aws in &callers {
            aws.role_credentials(access, SANDBOX, role)
                .await
                .assert_status(200);
        }
        let mut wanted = seed::directory();
        take(&mut wanted);
        let writes = server.switch.writes();
        directory::apply(&server.context, &wanted)
            .await
            .expect("applied");
        assert_eq!(
            server.switch.writes(),
            writes + 1,
            "{what}: one transaction"
        );
        for aws in &callers {
            let given = aws.role_credentials(access, SANDBOX, role).await;
            given.assert_error(403, "ForbiddenException");
            let listed = aws.list_account_roles(access, SANDBOX).await;
            assert!(!listed.text().contains(role), "{what}: {listed}");
            // The session itself goes on.
            aws.list_accounts(access).await.assert_status(200);
            aws.list_account_roles(access, PRODUCTION)
                .await
                .assert_status(200);
        }
        let refreshed = node
            .aws()
            .refresh(&device.client, device.tokens.refresh_token())
            .await;
        Tokens::of(&refreshed);
    }
}
