//! `claviger dev`, without any AWS client.

use std::path::Path;

use claviger_tests::{
    child::{self, Running},
    http::Request,
    instance::{self, Dev},
    room::Room,
};
use serde_json::Value;

use crate::transcript::{assert_transcript, run, show};

/// Every file below a directory.
fn files(below: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(below) else {
        return Vec::new();
    };
    entries
        .flatten()
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            path => vec![path.display().to_string()],
        })
        .collect()
}

#[test]
fn its_exit_status_is_that_of_the_command() {
    let room = Room::new();
    room.run(&["dev", "--", "sh", "-c", "exit 7"])
        .assert_code(7);
    room.run(&["dev", "--", "true"]).assert_code(0);
    room.run(&["dev", "--", "sh", "-c", "kill -TERM $$"])
        .assert_code(143);
    assert_transcript!(
        "dev_no_command",
        run(&room, &["dev", "--", "no-such-command"])
    );
}

#[test]
fn a_command_finds_a_token_and_leaves_nothing_behind() {
    let room = Room::new();
    let look = "set -e; test -f \"$AWS_CONFIG_FILE\"; cat \"$HOME\"/.aws/sso/cache/*.json; \
                stat -c %a \"$HOME\"/.aws/sso/cache/*.json >&2";
    let ended = room.succeed(&["dev", "--", "sh", "-c", look]);
    let token = ended.json();
    for member in [
        "accessToken",
        "refreshToken",
        "clientId",
        "clientSecret",
        "expiresAt",
        "startUrl",
    ] {
        assert!(
            token.get(member).is_some_and(Value::is_string),
            "{member} is missing"
        );
    }
    assert_eq!(ended.stderr.trim(), "600", "the token is open to others");
    assert!(
        !room.home().join(".aws").exists(),
        "{:?}",
        files(&room.home())
    );
    assert!(files(&room.tmp()).is_empty(), "{:?}", files(&room.tmp()));
}

#[test]
fn tokens_of_the_person_stay_where_they_are() {
    let room = Room::new();
    let cache = room.home().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).expect("a cache");
    std::fs::write(cache.join("mine.json"), "{}").expect("a token");
    room.succeed(&["dev", "--", "true"]);
    assert_eq!(
        files(&room.home()),
        [cache.join("mine.json").display().to_string()]
    );
}

#[test]
fn a_signal_reaches_the_command_and_nothing_is_left() {
    let room = Room::new();
    let mut command = room.claviger(&[
        "dev",
        "--",
        "sh",
        "-c",
        "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    let running = Running::start(&mut command);
    running.stdout_line(|line| (line == "up").then_some(()));
    running.terminate();
    running.end().assert_code(5);
    assert!(
        !room.home().join(".aws").exists(),
        "{:?}",
        files(&room.home())
    );
}

#[test]
fn with_json_the_first_line_says_all_that_a_program_needs() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    let keys = [
        "issuer",
        "start_url",
        "aws_start_url",
        "region",
        "user",
        "password",
        "accounts",
        "aws_config_file",
    ];
    for key in keys {
        assert!(
            dev.about.get(key).is_some_and(|value| !value.is_null()),
            "{key} is missing"
        );
    }
    let first = dev.running.stdout();
    let first = first.lines().next().expect("a line");
    assert_transcript!("dev_json", pretty(first));
    dev.running.terminate();
    dev.running.end().assert_code(0);
    assert!(files(&room.tmp()).is_empty(), "{:?}", files(&room.tmp()));
}

fn pretty(line: &str) -> String {
    let value: Value = serde_json::from_str(line).expect("JSON");
    format!("{value:#}")
}

#[tokio::test]
async fn it_greets_and_then_writes_a_quiet_line_per_request() {
    let room = Room::new();
    let mut command = room.claviger(&["dev", "--listen", "127.0.0.1:0"]);
    let running = Running::start(&mut command);
    let start_url = running.stdout_line(|line| {
        line.strip_prefix("Claviger is ready at ")
            .map(ToOwned::to_owned)
    });
    let issuer = start_url.trim_end_matches("/start").to_owned();
    let host = issuer.trim_start_matches("http://").to_owned();
    let link = claviger_tests::aws::Link {
        address: host.parse().expect("an address"),
        host,
        secrets: claviger_tests::secrets::Secrets::default(),
    };
    let aws = claviger_tests::aws::Aws::new(link.clone(), start_url);
    let mut browser = claviger_tests::browser::Browser::new(link, issuer);
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    aws.poll(&client, &device).await.assert_status(400);
    instance::approve(&mut browser, &device).await;
    aws.poll(&client, &device).await.assert_status(200);
    running.stdout_line(|line| {
        (line == "CreateToken aws-cli 200" || line == "CreateToken 200").then_some(())
    });
    running.terminate();
    let ended = running.end();
    let told = ended.to_string().replace(&device.user_code, "[USER-CODE]");
    assert_transcript!("dev_greeting", told);
}

#[test]
fn a_directory_of_ones_own_is_served() {
    let room = Room::new();
    let text = "[[user]]\nname = \"zoe\"\n\n[[account]]\nid = \"777788889999\"\nname = \"Zoo\"\n\n\
                [[account.role]]\nname = \"Keeper\"\narn = \"arn:aws:iam::777788889999:role/Keeper\"\n\
                users = [\"zoe\"]\n";
    room.write("zoo.toml", text);
    let dev = Dev::start(&room, &["--directory", "zoo.toml"]);
    assert_eq!(dev.text("user"), "zoe");
    assert_eq!(
        dev.about
            .pointer("/accounts/0/roles/0")
            .and_then(Value::as_str),
        Some("Keeper")
    );
    room.write("zoo.toml", &text.replace("\"Keeper\"", "\"Kee/per\""));
    let wrong = ["dev", "--directory", "zoo.toml", "--listen", "127.0.0.1:0"];
    assert_transcript!("dev_wrong_directory", run(&room, &wrong));
}

#[tokio::test]
async fn a_data_directory_is_kept_and_no_other_dev_shares_it() {
    let room = Room::new();
    let first = Dev::start(&room, &["--data-dir", "data"]);
    let (client, tokens) = instance::sign_in_device(&first.aws(), &mut first.browser()).await;
    let ended = room.run(&["dev", "--data-dir", "data", "--", "true"]);
    assert_transcript!(
        "dev_locked",
        show(&["dev", "--data-dir", "data", "--", "true"], &ended)
    );
    first.running.terminate();
    first.running.end().assert_code(0);
    let second = Dev::start(&room, &["--data-dir", "data"]);
    second
        .aws()
        .refresh(&client, tokens.refresh_token())
        .await
        .assert_status(200);
}

#[test]
fn the_store_of_a_service_is_not_touched() {
    let service = instance::Service::init();
    let dev = ["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"];
    let ended = service.room.run(&dev);
    ended.assert_code(78);
    assert!(
        !service.room.work().join("data/claviger.keys").exists(),
        "{ended}"
    );
}

#[tokio::test]
async fn the_start_url_answers_as_current_clients_check_it() {
    let room = Room::new();
    let dev = Dev::start(&room, &[]);
    for path in ["/start", "/start/"] {
        let answer = dev.aws().send(Request::new("HEAD", path)).await;
        answer.assert_status(302);
        let location = answer.header("location").unwrap_or_default();
        assert!(
            location.starts_with("https://identitycenter.amazonaws.com/ssoins-"),
            "{answer}"
        );
    }
}

#[test]
fn the_seed_is_an_example_of_a_directory() {
    let room = Room::new();
    let ended =
        child::run(&mut room.claviger(&["dev", "--", "sh", "-c", "cat \"$AWS_CONFIG_FILE\""]));
    assert_transcript!("dev_aws_config", ended);
}
