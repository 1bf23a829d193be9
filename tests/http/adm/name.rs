//! Names that would like to be more than names: one change, one record, all of the text in it
//! (ADM-05, ADM-07). How they are shown on a terminal is the command line's, see its suite.

use claviger_engine::admin::{self, client, user, wanted::Directory};
use claviger_model::time::Timestamp;
use claviger_tests::{
    TestServer,
    seed::{self, SANDBOX},
    world::WorldBuilder,
};

/// Ends a line, steers a terminal, looks like a record, ends a string of SQL.
const HOSTILE: [&str; 5] = [
    "x\n2026-01-01T00:00:00Z user.disable operator bob",
    "\u{1b}[2J\u{1b}[31mroot\r\u{9b}0m",
    r#"{"action":"session.end","actor":"operator"}"#,
    "x'); DELETE FROM audit; --",
    "\" OR 1=1; \u{202e}gnp.exe\u{0}",
];

/// As the store keeps it: it has no place for NUL.
fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[tokio::test]
async fn adm_07_a_hostile_account_name_is_one_record_each_time_and_whole() {
    let server = TestServer::builder()
        .world(WorldBuilder::unplanted)
        .start()
        .await;
    for (number, name) in HOSTILE.into_iter().enumerate() {
        let before = server.rows().audit().len();
        let mut account = seed::account(SANDBOX, name);
        account.email = format!("{name}@example.org");
        let wanted = Directory {
            accounts: vec![account],
            ..Directory::default()
        };
        let changes = admin::directory::apply(&server.context, &wanted).await;
        assert_eq!(changes.expect("applied").len(), 1, "{name:?}");
        let records = server.rows().audit();
        let [record] = records.get(before..).expect("more") else {
            panic!("{name:?}: {:#?}", records.get(before..))
        };
        assert_eq!(record.action, "directory.apply");
        assert_eq!(record.actor, "operator");
        assert_eq!(record.subject, format!("account {SANDBOX} {}", kept(name)));
        let former = number.checked_sub(1).and_then(|before| HOSTILE.get(before));
        assert!(
            former.is_none_or(|former| record.detail.contains(&kept(former))),
            "{:?}",
            record.detail
        );
    }
    assert_eq!(server.rows().audit().len(), HOSTILE.len());
}

#[tokio::test]
async fn adm_07_what_an_operator_says_of_a_client_is_one_record() {
    let server = TestServer::start().await;
    for reason in HOSTILE {
        let id = server.aws().register().await.id;
        let before = server.rows().audit().len();
        client::deny(&server.context, &id, reason)
            .await
            .expect("denied");
        let records = server.rows().audit();
        assert_eq!(records.len(), before + 1);
        let record = records.last().expect("one");
        assert!(
            record.detail.ends_with(&kept(reason)),
            "{:?}",
            record.detail
        );
        assert_eq!(record.subject, "aws-cli");
        // What is read by the operator's own way is the same.
        let since = Timestamp::from_epoch_seconds(0);
        let read = admin::audit::read(&server.context, since, 1)
            .await
            .expect("read");
        assert_eq!(
            read.first().map(|entry| &entry.detail),
            Some(&record.detail)
        );
    }
    assert_eq!(
        server.rows().count("SELECT count(*) FROM denied_clients"),
        5
    );
}

#[tokio::test]
async fn adm_07_a_client_cannot_put_a_line_break_into_a_record() {
    let server = TestServer::start().await;
    let refusals = [
        ("x\ny", "InvalidClientMetadataException"),
        ("x\ry", "InvalidClientMetadataException"),
        ("\u{1b}[2J", "InvalidClientMetadataException"),
        ("x\0", "InvalidRequestException"),
        ("\u{202e}gnp.exe", "InvalidClientMetadataException"),
        ("x\u{2028}y", "InvalidClientMetadataException"),
    ];
    for (name, exception) in refusals {
        let mut body = server.aws().code_client(&["http://127.0.0.1/cb"]);
        body["clientName"] = name.into();
        let told = server.aws().register_with(body).await;
        told.assert_error(400, exception);
    }
}

#[tokio::test]
async fn adm_05_a_name_is_compared_and_never_run() {
    let server = TestServer::start().await;
    let before = server.rows().everything();
    let long = "x".repeat(1 << 20);
    let nested = format!("{}{}", "(".repeat(100), ")".repeat(100));
    let names = HOSTILE.into_iter().chain([
        "alice' OR '1'='1",
        "alice\"; DROP TABLE users; --",
        "userName eq \"alice\" or 1 eq 1",
        "%",
        "_____",
        "alice\0",
        &nested,
        &long,
    ]);
    for name in names {
        assert!(
            user::disable(&server.context, name).await.is_err(),
            "{name:.40}"
        );
        assert!(
            admin::session::list(&server.context, Some(name))
                .await
                .is_err()
        );
        assert!(
            admin::session::end_all(&server.context, name)
                .await
                .is_err()
        );
    }
    assert_eq!(server.rows().everything(), before);
    assert_eq!(user::list(&server.context).await.expect("listed").len(), 2);
}
