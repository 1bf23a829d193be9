//! What the records of one apply and of every end of a session tell (ADM-06): an investigator
//! asks who gained or lost what, and who ended it from where.

use claviger_engine::admin::{directory, session, user, wanted::Directory};
use claviger_model::{id::SessionId, time::Lifetime};
use claviger_store::repository::audit::Entry;
use claviger_tests::{
    TestServer, html,
    seed::{self, SANDBOX},
    server::SignedInDevice,
    world::NODE,
};

use super::scene::{AWAY, HOME, newest};

/// The seed with every noun added, altered and removed, as far as it can be.
fn much_else() -> Directory {
    let mut wanted = seed::directory();
    wanted.users.retain(|user| user.name.as_str() != "bob");
    wanted.users[0].email = None;
    wanted.users.push(seed::person("carol"));
    wanted.groups = vec![
        seed::group("readers", &["alice", "carol"]),
        seed::group("auditors", &[]),
    ];
    wanted.accounts = vec![
        seed::account(SANDBOX, "Playground"),
        seed::account("777788889999", "Archive"),
    ];
    wanted.roles = vec![
        seed::role(SANDBOX, "Developer", &["carol"], &[]),
        seed::role(SANDBOX, "ReadOnly", &[], &["readers"]),
        seed::role("777788889999", "ReadOnly", &[], &["auditors"]),
    ];
    wanted.roles[1].role.duration = Lifetime::hours(2);
    wanted
}

/// What has to be told of that, sorted.
const TOLD: [(&str, &str); 22] = [
    (
        "account 111122223333 Playground",
        "altered: was Sandbox <sandbox@example.org>",
    ),
    ("account 444455556666 Production", "removed"),
    ("account 777788889999 Archive", "added"),
    ("group auditors", "added"),
    ("group auditors has 777788889999/ReadOnly", "added"),
    ("group operators", "removed"),
    ("group operators has 444455556666/Admin", "removed"),
    ("group readers has 444455556666/ReadOnly", "removed"),
    ("member bob of group operators", "removed"),
    ("member bob of group readers", "removed"),
    ("member carol of group readers", "added"),
    (
        "role 111122223333/ReadOnly",
        "altered: target, ARN or duration",
    ),
    ("role 444455556666/Admin", "removed"),
    ("role 444455556666/Developer", "removed"),
    ("role 444455556666/ReadOnly", "removed"),
    ("role 777788889999/ReadOnly", "added"),
    ("user alice", "altered: name or address"),
    ("user alice has 111122223333/Developer", "removed"),
    ("user alice has 444455556666/Developer", "removed"),
    ("user bob", "removed: and all sessions"),
    ("user carol", "added"),
    ("user carol has 111122223333/Developer", "added"),
];

#[tokio::test]
async fn adm_06_an_apply_leaves_one_record_for_each_of_its_changes() {
    let server = TestServer::start().await;
    let before = server.rows().audit().len();
    let writes = server.switch.writes();
    let changes = directory::apply(&server.context, &much_else()).await;
    let changes = changes.expect("applied");
    assert_eq!(server.switch.writes(), writes + 1, "one transaction");
    let records = server.rows().audit();
    let records = records.get(before..).expect("more than before");
    let mut told: Vec<_> = records
        .iter()
        .map(|record| (record.subject.as_str(), record.detail.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, TOLD);
    // What the operator is shown is what is written down, in the same order.
    let shown: Vec<_> = changes.iter().map(|change| &change.subject).collect();
    let written: Vec<_> = records.iter().map(|record| &record.subject).collect();
    assert_eq!(shown, written);
    for record in records {
        assert_eq!(record.action, "directory.apply");
        assert_eq!(record.actor, "operator");
        assert_eq!(
            (record.at, record.node.as_str()),
            (server.context.now(), NODE)
        );
        assert_eq!(record.session_id, None);
        assert_eq!((&record.client, &record.address), (&None, &None));
    }
}

/// A device of alice's, and its session.
async fn held(server: &TestServer) -> (SignedInDevice, SessionId) {
    let device = server.signed_in_device().await;
    (device, newest(server))
}

/// The only record since `before`.
fn only(server: &TestServer, before: usize) -> Entry {
    let mut records = server.rows().audit();
    assert_eq!(records.len(), before + 1, "{:#?}", records.get(before..));
    records.pop().expect("one")
}

/// Who, on what, which session, through which client, from where, and what else.
fn spelled(record: &Entry) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        record.actor.clone(),
        record.subject.clone(),
        or_dash(record.session_id.map(|id| id.to_string())),
        or_dash(record.client.clone()),
        or_dash(record.address.clone()),
        record.detail.clone(),
    ]
}

#[tokio::test]
async fn adm_06_whoever_ends_a_session_is_told_apart() {
    let server = TestServer::builder()
        .alone()
        .trusting("127.0.0.1/32")
        .start()
        .await;
    let by_operator = |subject: &str, session: &str, detail: &str| {
        ["operator", subject, session, "-", "-", detail].map(ToOwned::to_owned)
    };
    // Its client, from wherever that is.
    let (device, id) = held(&server).await;
    let before = server.rows().audit().len();
    let away = server.aws().from(AWAY);
    away.logout(&device.tokens.access).await.assert_status(200);
    let id = id.to_string();
    let told = ["alice", "alice", &id, "aws-cli", AWAY, "logout"];
    assert_eq!(spelled(&only(&server, before)), told);
    // The person, on the page.
    let (_, id) = held(&server).await;
    let id = id.to_string();
    let mut browser = server.browser_of("alice").await.from(HOME);
    let page = browser.get("/sessions").await;
    let forms = html::forms(page.text()).into_iter();
    let mut own = forms.filter(|form| form.fields.iter().any(|(_, value)| *value == id));
    let before = server.rows().audit().len();
    let ended = browser.submit(&own.next().expect("its form")).await;
    ended.assert_status(303);
    let told = ["alice", "alice", &id, "aws-cli", HOME, "person"];
    assert_eq!(spelled(&only(&server, before)), told);
    // An operator: one, a person's, everybody's.
    let (_, id) = held(&server).await;
    let before = server.rows().audit().len();
    session::end(&server.context, id).await.expect("ended");
    let id = id.to_string();
    assert_eq!(spelled(&only(&server, before)), by_operator(&id, &id, ""));
    held(&server).await;
    let before = server.rows().audit().len();
    let count = session::end_all(&server.context, "alice").await;
    assert_eq!(count.ok(), Some(1));
    let told = by_operator("alice", "-", "all sessions");
    assert_eq!(spelled(&only(&server, before)), told);
    held(&server).await;
    let before = server.rows().audit().len();
    let count = session::end_everyone(&server.context).await;
    assert_eq!(count.ok(), Some(1));
    let told = by_operator("everybody", "-", "all sessions of everybody");
    assert_eq!(spelled(&only(&server, before)), told);
}

#[tokio::test]
async fn adm_06_a_password_set_without_signing_out_says_so_and_ends_nothing() {
    let server = TestServer::start_alone().await;
    let (device, _) = held(&server).await;
    let before = server.rows().audit().len();
    let password = "another password".into();
    let count = user::set_password(&server.context, "ALICE", &password, false).await;
    assert_eq!(count.ok(), Some(0));
    let record = only(&server, before);
    assert_eq!(record.action, "user.set_password");
    let told = ["operator", "alice", "-", "-", "-", ""];
    assert_eq!(spelled(&record), told);
    let listed = server.aws().list_accounts(&device.tokens.access).await;
    listed.assert_status(200);
}
