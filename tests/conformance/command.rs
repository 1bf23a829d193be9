//! The command around the checks: what it prints, how it exits.

use claviger_conformance::Dialect;
use claviger_tests::{
    child::{self, Ended},
    room::{Room, free_port},
};
use serde_json::Value;

use crate::wrong::{CONTROL_TOKEN, Wrong, mutation::Mutation};

async fn conformance(room: &Room, arguments: &[&str]) -> Ended {
    let mut command = room.claviger(&["conformance"]);
    command
        .env("CLAVIGER_CONTROL_TOKEN", CONTROL_TOKEN)
        .args(arguments);
    let run = tokio::task::spawn_blocking(move || child::run(&mut command));
    run.await.expect("a run")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_has_a_line_with_its_section_and_its_reason() {
    let room = Room::new();
    let server = Wrong::start(Some(Mutation::ExpirationInSeconds)).await;
    let only = ["--only", "portal", "--only", "device.start", &server.url];
    let ended = conformance(&room, &only).await;
    ended.assert_code(1);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines
            .first()
            .map(|line| line.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["ok", "device.start", "WIRE", "3.2"])
    );
    let red: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("FAIL"))
        .collect();
    let [red] = red.as_slice() else {
        panic!("one red line, not {red:?}");
    };
    for part in [
        "portal.credentials",
        "WIRE 5.1, 5.4",
        "`expiration` is 1",
        "in milliseconds",
    ] {
        assert!(red.contains(part), "{red}");
    }
    assert_eq!(lines.last(), Some(&"11 passed, 1 failed, 0 skipped"));
    assert_eq!(ended.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_document_and_the_lines_stay_for_people() {
    let room = Room::new();
    let server = Wrong::start(None).await;
    let ended = conformance(&room, &["--json", "--slow", &server.url]).await;
    ended.assert_code(0);
    let report = ended.json();
    let total = Dialect::Aws.checks().len();
    assert_eq!(report["passed"], total);
    assert_eq!(report["failed"], 0);
    assert_eq!(report["url"], server.url);
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), total);
    assert_eq!(checks[0]["verdict"], "passed");
    assert_eq!(checks[0]["written"], "WIRE 1.4, 4.5");
    assert_eq!(checks[0]["reason"], Value::Null);
    ended.assert_says(&[
        "ok    start.head_names_an_aws_host",
        &format!("{total} passed, 0 failed"),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_can_be_listed_without_a_server() {
    let room = Room::new();
    let ended = child::run(&mut room.claviger(&["conformance", "--list"]));
    ended.assert_code(0);
    for check in Dialect::Aws.checks() {
        assert!(ended.stdout.contains(check.name), "{ended}");
    }
    let slow = ended.stdout.lines().filter(|line| line.ends_with("(slow)"));
    assert_eq!(slow.count(), 2, "{ended}");
    let json = child::run(&mut room.claviger(&["conformance", "--list", "--json"])).json();
    assert_eq!(
        json.as_array().map(Vec::len),
        Some(Dialect::Aws.checks().len())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_has_a_list_and_sections_of_its_own() {
    let room = Room::new();
    let list = ["conformance", "--dialect", "oauth", "--list"];
    let ended = child::run(&mut room.claviger(&list));
    ended.assert_code(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), Dialect::Oauth.checks().len(), "{ended}");
    for check in Dialect::Oauth.checks() {
        let line = lines.iter().find(|line| line.starts_with(check.name));
        let line = line.unwrap_or_else(|| panic!("no {}: {ended}", check.name));
        assert!(line.contains(check.written), "{line}");
    }
    let slow = lines.iter().filter(|line| line.ends_with("(slow)"));
    assert_eq!(slow.count(), 3, "{ended}");
    // A server of the other dialect has no metadata.
    let server = Wrong::start(None).await;
    let arguments = ["--dialect", "oauth", "--only", "metadata.issuer"];
    let ended = conformance(&room, &[arguments.as_slice(), &[&server.url]].concat()).await;
    ended.assert_code(1);
    for part in [
        "FAIL  metadata.issuer",
        "OIDC Discovery §4.3",
        "/.well-known/",
    ] {
        assert!(ended.stdout.contains(part), "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_says_what_to_do() {
    let room = Room::new();
    let server = Wrong::start(None).await;
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    for (arguments, code, says) in [
        (vec![nowhere.as_str()], 69, "cannot be reached"),
        (vec![&server.url, "--only", "portal.sing"], 78, "--list"),
        (vec![&server.url, "--only", "openid"], 78, "--list"),
        (
            vec![&server.url, "--dialect", "oauth", "--only", "portal"],
            78,
            "--list",
        ),
        (vec!["ftp://127.0.0.1/"], 78, "https://"),
        (vec!["127.0.0.1:8400"], 78, "https://"),
        (vec![&server.url, "--user", "alice"], 2, "--password-file"),
        (vec![], 2, "URL"),
    ] {
        let ended = conformance(&room, &arguments).await;
        ended.assert_code(code).assert_says(&[says]);
        assert_eq!(ended.stdout, "", "{ended}");
    }
    // Nobody to ask, and no terminal.
    let alone = child::run(&mut room.claviger(&["conformance", &server.url]));
    alone
        .assert_code(78)
        .assert_says(&["--user", "--control-token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_control_token_fails_the_checks_that_need_it_and_says_so() {
    let room = Room::new();
    let server = Wrong::start(None).await;
    let arguments = [
        "--control-token",
        "wrong",
        "--only",
        "device.approved",
        &server.url,
    ];
    let ended = conformance(&room, &arguments).await;
    ended.assert_code(1);
    assert!(
        ended.stdout.contains("the control API does not help"),
        "{ended}"
    );
}
