//! `claviger oidc`: the calls by hand.

use claviger_tests::{
    aws::DEVICE_CODE,
    child::{self, Ended},
    instance::{self, Dev},
    room::{Room, free_port},
};
use serde_json::Value;

use crate::transcript::{assert_transcript, run, show};

fn call(room: &Room, dev: &Dev, arguments: &[&str]) -> Ended {
    let mut command = room.claviger(&["oidc", "--endpoint", &dev.text("issuer")]);
    child::run(command.args(arguments))
}

#[track_caller]
fn member(ended: &Ended, name: &str) -> String {
    let json = ended.assert_code(0).json();
    let member = json.get(name).and_then(Value::as_str);
    member
        .unwrap_or_else(|| panic!("no {name} in {ended}"))
        .to_owned()
}

/// A registered client, its secret in the room's file `secret`.
fn register(room: &Room, dev: &Dev) -> String {
    let flags = [
        "register-client",
        "--client-name",
        "demo",
        "--scope",
        "sso:account:access",
    ];
    let registered = call(room, dev, &flags);
    room.write("secret", &member(&registered, "clientSecret"));
    member(&registered, "clientId")
}

#[tokio::test]
async fn a_person_walks_through_the_device_grant_by_hand() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let id = register(&room, &dev);
    let client = ["--client-id", &id, "--client-secret", "@secret"];
    let start_url = dev.text("start_url");
    let mut start = vec!["start-device-authorization", "--start-url", &start_url];
    start.extend(client);
    let started = call(&room, &dev, &start);
    let device_code = member(&started, "deviceCode");

    let mut poll = vec![
        "create-token",
        "--grant-type",
        DEVICE_CODE,
        "--device-code",
        &device_code,
    ];
    poll.extend(client);
    let pending = call(&room, &dev, &poll);
    assert_transcript!(
        "oidc_pending",
        show(&["oidc", "create-token", "…"], &pending)
    );

    let mut browser = dev.browser();
    browser
        .sign_in("alice", instance::PASSWORD)
        .await
        .assert_status(303);
    browser
        .approve(&member(&started, "userCode"))
        .await
        .assert_status(303);
    let tokens = call(&room, &dev, &poll);
    assert_transcript!("oidc_tokens", show(&["oidc", "create-token", "…"], &tokens));

    let mut refresh = room.claviger(&["oidc", "--endpoint", &dev.text("issuer"), "create-token"]);
    refresh
        .args(["--grant-type", "refresh_token", "--refresh-token", "-"])
        .args(client);
    let refreshed = child::run_with_input(&mut refresh, &member(&tokens, "refreshToken"));
    assert_ne!(
        member(&refreshed, "accessToken"),
        member(&tokens, "accessToken")
    );
}

#[test]
fn errors_name_the_exception_and_the_next_step() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let id = register(&room, &dev);
    let client = ["--client-id", id.as_str(), "--client-secret", "@secret"];
    let rows: [(&str, &[&str]); 4] = [
        (
            "a code of nobody",
            &["--grant-type", DEVICE_CODE, "--device-code", "made-up"],
        ),
        (
            "a token of nobody",
            &[
                "--grant-type",
                "refresh_token",
                "--refresh-token",
                "made-up",
            ],
        ),
        ("a grant of nobody", &["--grant-type", "password"]),
        (
            "a foreign grant",
            &[
                "--grant-type",
                "authorization_code",
                "--code",
                "made-up",
                "--redirect-uri",
                "http://127.0.0.1/callback",
            ],
        ),
    ];
    let mut told = String::new();
    for (what, flags) in rows {
        let mut arguments = vec!["create-token"];
        arguments.extend(client);
        arguments.extend(flags);
        let ended = call(&room, &dev, &arguments);
        ended.assert_code(1).assert_says(&["Exception: ", "hint: "]);
        told = format!("{told}# {what}\n{ended}\n");
    }
    room.write("secret", "wrong");
    let mut arguments = vec![
        "create-token",
        "--grant-type",
        "refresh_token",
        "--refresh-token",
        "x",
    ];
    arguments.extend(client);
    let ended = call(&room, &dev, &arguments);
    ended.assert_code(1);
    told = format!("{told}# a wrong secret\n{ended}\n");
    assert_transcript!("oidc_errors", told);
}

#[test]
fn a_server_that_is_away_is_no_riddle() {
    let room = Room::new();
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let ended = room.run(&[
        "oidc",
        "--endpoint",
        &endpoint,
        "register-client",
        "--client-name",
        "x",
    ]);
    ended
        .assert_code(1)
        .assert_says(&["cannot be reached", "--endpoint"]);
    assert_transcript!(
        "oidc_no_endpoint",
        run(&room, &["oidc", "register-client", "--client-name", "x"])
    );
}

#[test]
fn below_dev_the_calls_need_neither_browser_nor_aws_cli() {
    let room = Room::new();
    let ended = room.run(&[
        "dev",
        "--",
        "sh",
        "-c",
        "\"$0\" oidc create-token --grant-type refresh_token",
        &child::claviger().to_string_lossy(),
    ]);
    assert_transcript!(
        "oidc_below_dev",
        show(&["dev", "--", "claviger", "oidc", "…"], &ended)
    );
}

#[test]
fn an_endpoint_that_is_none_is_told_as_such() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let endpoint = dev.text("start_url");
    let arguments = ["register-client", "--client-name", "x", "--endpoint"];
    let ended = room.run(&[&["oidc"], &arguments[..], &[&endpoint]].concat());
    let says = ["UnknownOperationException", "without a path"];
    ended.assert_code(1).assert_says(&says);
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let id = register(&room, &dev);
    let verifier = "-".repeat(43);
    let redeem = |grant: &str, more: &[&str]| {
        let mut flags = vec![
            "create-token",
            "--client-id",
            &id,
            "--client-secret",
            "@secret",
        ];
        flags.extend(["--grant-type", grant]);
        flags.extend(more);
        call(&room, &dev, &flags)
    };
    let device = redeem(DEVICE_CODE, &["--device-code", "-3a"]);
    device
        .assert_code(1)
        .assert_says(&["InvalidGrantException"]);
    let refresh = redeem("refresh_token", &["--refresh-token", "-3a"]);
    refresh
        .assert_code(1)
        .assert_says(&["InvalidGrantException"]);
    let uri = "http://127.0.0.1/callback";
    let more = [
        "--code",
        "-3a",
        "--code-verifier",
        &verifier,
        "--redirect-uri",
        uri,
    ];
    let code = redeem("authorization_code", &more);
    // The client may not: its code was read, or this would end with 2.
    code.assert_code(1)
        .assert_says(&["UnauthorizedClientException"]);
}
