//! Debian's AWS CLI, which knows no endpoint settings, with the line that `claviger dev` prints.

use std::process::Command;

use claviger_tests::{
    aws::{Aws, Client, Link},
    browser::Browser,
    child::{self, Ended, Running},
    instance::PASSWORD,
    room::Room,
    secrets::Secrets,
};
use serde_json::{Value, json};

use crate::parts::{self, AWS_CLI, Moto, aws_cli, succeed};

/// `claviger dev` as a person runs it, and the line that it asks them to paste.
#[derive(Debug)]
struct Shown {
    running: Running,
    start_url: String,
    line: String,
    secrets: Secrets,
}

impl Shown {
    #[track_caller]
    fn start(room: &Room, arguments: &[&str]) -> Self {
        let mut command = room.claviger(&["dev", "--listen", "127.0.0.1:0", "--log", "trace"]);
        let secrets = Secrets::default();
        let running = Running::start_server(command.args(arguments), &secrets);
        let start_url = running.stdout_line(|line| {
            let url = line.strip_prefix("Claviger is ready at ")?;
            Some(url.to_owned())
        });
        let line = running.stdout_line(|line| {
            let line = line.trim_start();
            line.starts_with("export ").then(|| line.to_owned())
        });
        Self {
            running,
            start_url,
            line,
            secrets,
        }
    }

    /// A command in a shell that the line was pasted into.
    fn shell(&self, room: &Room, words: &[&str]) -> Command {
        let mut shell = room.command("sh");
        shell
            .args(["-c", "eval \"$1\"; shift; exec \"$@\"", "sh", &self.line])
            .args(words);
        shell
    }

    fn issuer(&self) -> &str {
        self.start_url.trim_end_matches("/start")
    }

    /// The CA that the line names.
    fn ca_bundle(&self) -> String {
        let (_, path) = self.line.split_once("AWS_CA_BUNDLE=").expect("a CA");
        path.trim_matches('\'').to_owned()
    }

    /// The CLI draws credentials that STS knows as alice's.
    #[track_caller]
    fn assert_alice_is_signed_in(&self, room: &Room) {
        let identity = child::run(&mut self.shell(room, &[AWS_CLI, "sts", "get-caller-identity"]));
        let arn = arn(&identity);
        let wanted = "arn:aws:sts::111122223333:assumed-role/Developer/alice";
        assert_eq!(arn, wanted, "{identity}");
    }

    fn link(&self) -> Link {
        let (_, host) = self.issuer().split_once("://").expect("a URL");
        let host = host.to_owned();
        Link {
            address: host.parse().expect("an address"),
            host,
            secrets: self.secrets.clone(),
        }
    }

    fn aws(&self) -> Aws {
        Aws::new(self.link(), self.start_url.clone())
    }

    fn browser(&self) -> Browser {
        Browser::new(self.link(), self.issuer().to_owned())
    }
}

/// A `aws sso login` that waits for approval, and the user code that it shows.
fn login(shown: &Shown, room: &Room) -> (Running, String) {
    let words = [AWS_CLI, "sso", "login", "--no-browser"];
    // Its output is written at once only where Python does not hold it back.
    let mut command = shown.shell(room, &words);
    let login = Running::start(command.env("PYTHONUNBUFFERED", "1"));
    let user_code = login.stdout_line(user_code);
    (login, user_code)
}

/// A line that is a user code and nothing else.
pub(crate) fn user_code(line: &str) -> Option<String> {
    let line = line.trim();
    let (left, right) = line.split_once('-')?;
    let letters = |part: &str| part.len() == 4 && part.chars().all(|c| c.is_ascii_uppercase());
    (letters(left) && letters(right)).then(|| line.to_owned())
}

async fn approve(shown: &Shown, user_code: &str) {
    let mut browser = shown.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    browser.approve(user_code).await.assert_status(303);
}

/// The caller's ARN.
#[track_caller]
fn arn(identity: &Ended) -> String {
    let arn = identity
        .assert_code(0)
        .json()
        .get("Arn")
        .and_then(Value::as_str)
        .map(str::to_owned);
    arn.unwrap_or_else(|| panic!("no Arn in {identity}"))
}

#[tokio::test]
async fn alice_signs_in_with_the_pasted_line_and_uses_sts_and_s3_of_moto() {
    let room = Room::new();
    let moto = Moto::start(&room);
    let shown = Shown::start(&room, &["--sts", &moto.url]);
    let (login, user_code) = login(&shown, &room);
    approve(&shown, &user_code).await;
    login.end().assert_code(0);

    shown.assert_alice_is_signed_in(&room);
    let other = [
        AWS_CLI,
        "--profile",
        "ReadOnly-444455556666",
        "sts",
        "get-caller-identity",
    ];
    let identity = child::run(&mut shown.shell(&room, &other));
    assert_eq!(
        arn(&identity),
        "arn:aws:sts::444455556666:assumed-role/ReadOnly/alice"
    );

    let s3 = [AWS_CLI, "--endpoint-url", &moto.url, "s3"];
    let make = [&s3[..], &["mb", "s3://of-alice"]].concat();
    succeed(&mut shown.shell(&room, &make));
    let listed = succeed(&mut shown.shell(&room, &[&s3[..], &["ls"]].concat()));
    assert!(listed.stdout.contains("of-alice"), "{listed}");
    shown
        .running
        .stdout_line(|line| line.contains("GetRoleCredentials").then_some(()));
}

#[tokio::test]
async fn alice_signs_out_and_her_tokens_are_dead() {
    let room = Room::new();
    let shown = Shown::start(&room, &[]);
    let (login, user_code) = login(&shown, &room);
    approve(&shown, &user_code).await;
    login.end().assert_code(0);
    let found = parts::tokens(&room);
    let [(path, token)] = found.as_slice() else {
        panic!("one token, not {found:?}");
    };
    let text = |name: &str| {
        let value = token.get(name).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no {name} in {}", path.display()))
            .to_owned()
    };
    let aws = shown.aws();
    let client = Client {
        id: text("clientId"),
        secret: text("clientSecret"),
    };
    let refreshed = aws.refresh(&client, &text("refreshToken")).await;
    let refreshed = claviger_tests::aws::Tokens::of(&refreshed);
    aws.list_accounts(&text("accessToken"))
        .await
        .assert_status(200);

    succeed(&mut shown.shell(&room, &[AWS_CLI, "sso", "logout"]));
    assert!(parts::tokens(&room).is_empty(), "the CLI kept its token");
    for refresh_token in [text("refreshToken"), refreshed.refresh_token().to_owned()] {
        let refused = aws.refresh(&client, &refresh_token).await;
        refused.assert_error(400, "InvalidGrantException");
    }
    for access_token in [text("accessToken"), refreshed.access] {
        let refused = aws.list_accounts(&access_token).await;
        refused.assert_error(401, "UnauthorizedException");
    }
    let identity = child::run(&mut shown.shell(&room, &[AWS_CLI, "sts", "get-caller-identity"]));
    assert_ne!(identity.status.code(), Some(0), "{identity}");
}

#[tokio::test]
async fn alice_denies_a_code_and_the_cli_gives_up() {
    let room = Room::new();
    let shown = Shown::start(&room, &[]);
    let (login, user_code) = login(&shown, &room);
    let mut browser = shown.browser();
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    browser.deny(&user_code).await.assert_status(303);
    let ended = login.end();
    assert_ne!(ended.status.code(), Some(0), "{ended}");
    assert!(ended.stderr.contains("AccessDeniedException"), "{ended}");
    assert!(parts::tokens(&room).is_empty(), "a token after a denial");
}

#[test]
fn alice_approves_the_cli_in_a_real_browser() {
    let room = Room::new();
    let dev = claviger_tests::instance::Dev::start(&room, &[]);
    let mut command = aws_cli(&room, &["sso", "login", "--no-browser"]);
    parts::point(&mut command, &dev);
    let login = Running::start(command.env("PYTHONUNBUFFERED", "1"));
    let link = login.stdout_line(|line| {
        let line = line.trim();
        line.contains("user_code=").then(|| line.to_owned())
    });
    succeed(&mut crate::browser::story(&room, &dev, &["approve", &link]));
    login.end().assert_code(0);
    let mut identity = aws_cli(&room, &["sts", "get-caller-identity"]);
    parts::point(&mut identity, &dev);
    assert!(arn(&child::run(&mut identity)).ends_with("assumed-role/Developer/alice"));
}

#[test]
fn one_command_signs_in_runs_the_cli_and_leaves_nothing() {
    let room = Room::new();
    let moto = Moto::start(&room);
    for sts in [&[][..], &["--sts", &moto.url]] {
        let command = ["--", AWS_CLI, "sts", "get-caller-identity"];
        let ended = room.run(&[&["dev"], sts, &command].concat());
        assert!(
            arn(&ended).contains("111122223333:assumed-role/Developer/"),
            "{ended}"
        );
        assert!(
            !room.home().join(".aws").exists(),
            "something is left in ~/.aws"
        );
    }
}

#[test]
fn alice_signs_in_over_tls_with_the_pasted_line() {
    let room = Room::new();
    let shown = Shown::start(&room, &["--tls"]);
    assert!(shown.start_url.starts_with("https://"), "{shown:?}");
    let (login, user_code) = login(&shown, &room);
    let mut approve = parts::python(&room, "approve.py", &[&user_code]);
    let about = json!({
        "issuer": shown.issuer(),
        "user": "alice",
        "password": PASSWORD,
        "ca_bundle": shown.ca_bundle(),
    });
    succeed(approve.env("CLAVIGER_ABOUT", about.to_string()));
    login.end().assert_code(0);
    shown.assert_alice_is_signed_in(&room);
}

/// Neither the role credentials nor the token that the CLI keeps lead into an instance that is gone.
#[tokio::test]
async fn alice_signs_in_at_one_dev_after_another() {
    let room = Room::new();
    let data_dir = room.work().join("kept").display().to_string();
    for arguments in [
        &[][..],
        &[],
        &["--data-dir", &data_dir],
        &["--data-dir", &data_dir],
    ] {
        let shown = Shown::start(&room, arguments);
        let (login, user_code) = login(&shown, &room);
        approve(&shown, &user_code).await;
        login.end().assert_code(0);
        shown.assert_alice_is_signed_in(&room);
    }
}

/// AWS CLI ≥ 2.35.13 is on no registry here; its check is replayed request by request (WIRE §1.4).
#[test]
fn the_start_url_passes_the_check_of_current_clis() {
    let room = Room::new();
    let dev = claviger_tests::instance::Dev::start(&room, &["--tls"]);
    let mut check = parts::python(&room, "start_url_check.py", &[&dev.text("start_url")]);
    parts::point(&mut check, &dev);
    let ended = succeed(&mut check);
    assert!(
        ended
            .stdout
            .starts_with("https://identitycenter.amazonaws.com/ssoins-"),
        "{ended}"
    );
}
