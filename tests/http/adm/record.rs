//! Every change leaves one record, in the transaction that makes the change (ADM-06).

use claviger_engine::{
    admin::{client, directory, keys, machine, rollback, user},
    error::Error,
};
use claviger_model::{application::ApplicationName, audit::Action, id::SessionId};
use claviger_store::{
    repository::audit::Entry,
    statement::{Plan, Statement},
};
use claviger_tests::{TestServer, browser::form, html, seed, world::NODE};

use super::scene::{AWAY, HOME, Scene, newest};

/// Brings about what an action takes before it can happen; answers the refresh token to present.
async fn prepare(scene: &Scene, action: Action) -> String {
    let server = &scene.server;
    let aws = server.aws().from(HOME);
    let client = &scene.held.client;
    let first = scene.held.tokens.refresh_token().to_owned();
    let rotated = async |token: &str| {
        let next = aws.refresh(client, token).await;
        server.clock.advance(120);
        next.assert_status(200).member("refreshToken")
    };
    match action {
        // The first use of a token is noted, which is no part of what follows.
        Action::CredentialsIssue => {
            let access = &scene.held.tokens.access;
            aws.list_accounts(access).await.assert_status(200);
        }
        Action::RefreshLate => {
            rotated(&first).await;
        }
        Action::RefreshReuse => {
            rotated(&rotated(&first).await).await;
        }
        Action::RefreshAhead => {
            let next = rotated(&first).await;
            server.tamper("UPDATE sessions SET gen = 1").await;
            return next;
        }
        Action::UserEnable => {
            let count = user::disable(&server.context, "bob").await;
            count.expect("disabled");
        }
        Action::MachineDisable => {
            let name = ApplicationName::parse("reports").expect("a name");
            let made = machine::create(&server.context, name).await;
            return made.expect("a key").key.access_key_id;
        }
        Action::ClientAllow => {
            let count = client::deny(&server.context, &client.id, "lost").await;
            count.expect("denied");
        }
        _ => {}
    }
    first
}

/// Does it; answers the status, 503 for whatever an operator is refused.
async fn act(scene: &mut Scene, action: Action, presented: &str) -> u16 {
    let (server, browser) = (&scene.server, &mut scene.browser);
    let (home, context) = (server.aws().from(HOME), &server.context);
    let (client, access) = (&scene.held.client, &scene.held.tokens.access);
    let answer = match action {
        Action::SignIn => {
            let mut fresh = server.browser().from(HOME);
            fresh.sign_in("alice", "correct horse").await
        }
        Action::SignOut => {
            // A copy, since a browser lets its cookie go whatever the answer.
            let mut copy = browser.clone();
            let page = copy.get("/sign-out").await;
            copy.submit(&form(&page, "/sign-out")).await
        }
        Action::DeviceApprove => browser.approve(&scene.waiting.user_code).await,
        Action::DeviceDeny => browser.deny(&scene.waiting.user_code).await,
        Action::AuthorizeApprove => browser.consent(&scene.consent, "Allow").await,
        Action::SessionStart => home.poll(client, &scene.approved).await,
        Action::SessionEnd => {
            let page = browser.get("/sessions").await;
            let id = scene.held_id.to_string();
            let mut forms = html::forms(page.text()).into_iter();
            let own = forms.find(|form| form.fields.iter().any(|(_, value)| *value == id));
            browser.submit(&own.expect("the session's form")).await
        }
        Action::CredentialsIssue => {
            home.role_credentials(access, seed::SANDBOX, "Developer")
                .await
        }
        Action::RefreshReuse | Action::RefreshLate => {
            server.aws().from(AWAY).refresh(client, presented).await
        }
        Action::RefreshAhead => home.refresh(client, presented).await,
        Action::CodeReplay => home.redeem(&scene.code_client, &scene.code).await,
        Action::DirectoryApply => {
            let mut wanted = seed::directory();
            "Alice Renamed".clone_into(&mut wanted.users[0].display_name);
            return told(&directory::apply(context, &wanted).await);
        }
        Action::UserSetPassword => {
            let password = "another password".into();
            return told(&user::set_password(context, "bob", &password, true).await);
        }
        Action::UserDisable => return told(&user::disable(context, "bob").await),
        Action::UserEnable => return told(&user::enable(context, "bob").await),
        Action::ClientDeny => return told(&client::deny(context, &client.id, "stolen").await),
        Action::ClientAllow => return told(&client::allow(context, &client.id).await),
        Action::MachineCreate => {
            let name = ApplicationName::parse("reports").expect("a name");
            return told(&machine::create(context, name).await);
        }
        Action::MachineDisable => return told(&machine::disable(context, presented).await),
        Action::KeysRotate => return told(&keys::rotate(context, None).await),
        Action::RollbackAccept => return told(&rollback::accept(context).await),
    };
    answer.status.as_u16()
}

fn told<T>(result: &Result<T, Error>) -> u16 {
    if result.is_ok() { 200 } else { 503 }
}

/// What the record of an action must say.
struct Told {
    status: u16,
    /// Part of the statement that makes the change, where there is one beside the record.
    change: &'static str,
    actor: &'static str,
    subject: String,
    session_id: Option<SessionId>,
    client: Option<&'static str>,
    address: Option<&'static str>,
    detail: String,
}

/// By alice from a browser at home, on herself.
fn by_alice(status: u16, change: &'static str) -> Told {
    Told {
        status,
        change,
        actor: "alice",
        subject: "alice".to_owned(),
        session_id: None,
        client: None,
        address: Some(HOME),
        detail: String::new(),
    }
}

/// Through alice's device, on one of her sessions.
fn on_session(status: u16, change: &'static str, session_id: SessionId) -> Told {
    Told {
        session_id: Some(session_id),
        client: Some("aws-cli"),
        ..by_alice(status, change)
    }
}

fn by_operator(change: &'static str, subject: &str, detail: &str) -> Told {
    Told {
        actor: "operator",
        subject: subject.to_owned(),
        address: None,
        detail: detail.to_owned(),
        ..by_alice(200, change)
    }
}

/// What is expected of each action; a new one does not compile before it is told here.
fn expected(scene: &Scene, action: Action) -> Told {
    let held = scene.held_id;
    let asked = format!("device asked from {HOME}");
    match action {
        Action::SignIn => by_alice(303, "INSERT INTO web_sessions"),
        Action::SignOut => by_alice(303, "UPDATE web_sessions SET revoked_at"),
        Action::DeviceApprove | Action::DeviceDeny => Told {
            client: Some("aws-cli"),
            detail: asked,
            ..by_alice(303, "UPDATE devices SET state")
        },
        Action::AuthorizeApprove => Told {
            client: Some("aws-cli"),
            detail: "given sso:account:access".to_owned(),
            ..by_alice(303, "INSERT INTO auth_codes")
        },
        Action::SessionStart => on_session(200, "INSERT INTO sessions", newest(&scene.server)),
        Action::SessionEnd => Told {
            detail: "person".to_owned(),
            ..on_session(303, "UPDATE sessions SET revoked_at", held)
        },
        Action::CredentialsIssue => Told {
            subject: format!("{}/Developer", seed::SANDBOX),
            detail: "access key ASIAFAKE000000000001".to_owned(),
            ..on_session(200, "", held)
        },
        Action::RefreshReuse => Told {
            address: Some(AWAY),
            detail: "current generation 3".to_owned(),
            ..on_session(400, "UPDATE sessions SET revoked_at", held)
        },
        Action::RefreshLate => Told {
            address: Some(AWAY),
            detail: "current generation 2".to_owned(),
            ..on_session(200, "UPDATE sessions SET late_answers", held)
        },
        Action::RefreshAhead => Told {
            detail: "current generation 1".to_owned(),
            ..on_session(200, "UPDATE sessions SET gen", held)
        },
        Action::CodeReplay => on_session(400, "UPDATE sessions SET revoked_at", scene.code_id),
        Action::DirectoryApply => by_operator(
            "UPDATE users SET name",
            "user alice",
            "altered: name or address",
        ),
        Action::UserSetPassword => by_operator(
            "UPDATE users SET password_hash",
            "bob",
            "signed out everywhere",
        ),
        Action::UserDisable | Action::UserEnable => {
            by_operator("UPDATE users SET state", "bob", "")
        }
        Action::ClientDeny => by_operator("INSERT INTO denied_clients", "aws-cli", ": stolen"),
        Action::ClientAllow => by_operator("DELETE FROM denied_clients", "aws-cli", "client "),
        Action::MachineCreate => {
            by_operator("INSERT INTO machine_keys", "reports", "access key CVMK")
        }
        Action::MachineDisable => by_operator(
            "UPDATE machine_keys SET state",
            &scene
                .server
                .rows()
                .only_text("SELECT key_id FROM machine_keys"),
            "",
        ),
        Action::KeysRotate => by_operator("INSERT INTO keyring", "keyring", "epoch 2"),
        Action::RollbackAccept => by_operator("DELETE FROM meta", "store", ""),
    }
}

/// Whether a statement of a plan is a record.
fn is_record(sql: &str) -> bool {
    sql.starts_with("INSERT INTO audit")
}

/// That of the plans noted, one holds the record and the change and the others count attempts.
fn assert_one_transaction(server: &TestServer, action: Action, change: &str) {
    let (with, without): (Vec<_>, Vec<_>) = server
        .switch
        .noted()
        .into_iter()
        .partition(|plan| plan.iter().any(|sql| is_record(sql)));
    let [plan] = with.as_slice() else {
        panic!("{action:?}: not one transaction with a record: {with:#?}")
    };
    assert_eq!(
        plan.iter().filter(|sql| is_record(sql)).count(),
        1,
        "{action:?}"
    );
    let changes = change.is_empty() || plan.iter().any(|sql| sql.starts_with(change));
    assert!(changes, "{action:?}: no `{change}` in {plan:#?}");
    let mut beside = without.iter().flatten();
    let other = beside.find(|sql| !sql.contains("throttle"));
    assert_eq!(other, None, "{action:?}: outside of the transaction");
}

/// Puts records where the node is about to put its own: none can be written any more.
async fn block(server: &TestServer) {
    let seq = server.rows().count("SELECT max(seq) FROM audit");
    let planted = (seq + 1..seq + 200).map(|seq| {
        Statement::one(
            "INSERT INTO audit (node, seq, at, action, actor, subject, detail) \
             VALUES ($1, $2, 0, 'planted', '', '', '')",
        )
        .bind(NODE)
        .bind(seq)
    });
    let applied = server.store.apply(Plan(planted.collect())).await;
    assert!(applied.expect("planted").is_whole());
}

async fn unblock(server: &TestServer) {
    server
        .tamper("DELETE FROM audit WHERE action = 'planted'")
        .await;
}

#[tokio::test]
async fn adm_06_each_change_leaves_one_record_that_tells_who_what_and_from_where() {
    for action in Action::ALL {
        let mut scene = Scene::set().await;
        let presented = prepare(&scene, action).await;
        let before = scene.server.rows().audit().len();

        block(&scene.server).await;
        let rows = scene.server.rows().everything();
        let status = act(&mut scene, action, &presented).await;
        assert!(status >= 500, "{action:?}: {status} without a record");
        let mut changed = scene.server.rows().everything();
        assert_eq!(
            changed.len(),
            rows.len(),
            "{action:?}: changed without a record"
        );
        changed.retain(|row| !rows.contains(row));
        assert_eq!(changed, [""; 0], "{action:?}: changed without a record");
        unblock(&scene.server).await;

        scene.server.switch.note();
        let status = act(&mut scene, action, &presented).await;
        let told = expected(&scene, action);
        assert_eq!(status, told.status, "{action:?}");
        assert_one_transaction(&scene.server, action, told.change);
        let records = scene.server.rows().audit();
        let [record] = records.get(before..).expect("more than before") else {
            panic!("{action:?}: {:#?}", records.get(before..))
        };
        assert_record(&scene.server, action, record, &told);
        // Dropping the server looks for secrets in all records.
    }
}

fn assert_record(server: &TestServer, action: Action, record: &Entry, told: &Told) {
    assert_eq!(record.action, action.as_str());
    assert_eq!(record.node, NODE);
    assert_eq!(record.at, server.context.now());
    assert_eq!(record.actor, told.actor, "{action:?}");
    assert_eq!(record.subject, told.subject, "{action:?}");
    assert_eq!(record.session_id, told.session_id, "{action:?}");
    assert_eq!(record.client.as_deref(), told.client, "{action:?}");
    assert_eq!(record.address.as_deref(), told.address, "{action:?}");
    assert!(
        record.detail.contains(&told.detail) && record.detail.is_empty() == told.detail.is_empty(),
        "{action:?}: {}",
        record.detail
    );
}

#[test]
fn adm_06_the_list_of_actions_is_whole() {
    let last = Action::ALL.last().copied().expect("one");
    assert_eq!(last as usize + 1, Action::ALL.len());
    let mut spelled: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    spelled.sort_unstable();
    spelled.dedup();
    assert_eq!(spelled.len(), Action::ALL.len());
}
