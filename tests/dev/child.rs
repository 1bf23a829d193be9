//! The command below `claviger dev --`: what it finds, how it ends, what is left.

use std::{net::TcpStream, process::Command};

use claviger_tests::{
    child::{Running, signal},
    room::Room,
};

/// Prints where the instance is, then waits to be ended.
const WAIT: &str = "trap 'exit 5' TERM; trap 'exit 6' INT; echo \"$CLAVIGER_ISSUER\"; \
                    while :; do sleep 0.02; done";

#[track_caller]
fn assert_nothing_left(room: &Room, issuer: &str) {
    assert!(
        !room.home().join(".aws").exists(),
        "something is left in ~/.aws"
    );
    let left: Vec<_> = std::fs::read_dir(room.tmp()).expect("TMPDIR").collect();
    assert!(left.is_empty(), "{left:?}");
    let address = issuer.trim_start_matches("http://");
    assert!(
        TcpStream::connect(address).is_err(),
        "{address} still answers"
    );
    let root = room.path().display().to_string();
    let processes = Command::new("pgrep").args(["-f", &root]).output();
    let processes = String::from_utf8(processes.expect("pgrep").stdout).expect("text");
    assert_eq!(processes, "", "processes are left");
}

#[test]
fn signals_reach_the_command_and_nothing_is_left() {
    for (name, code) in [("TERM", 5), ("INT", 6)] {
        let room = Room::new();
        let mut command = room.claviger(&["dev", "--", "sh", "-c", WAIT]);
        let running = Running::start(&mut command);
        let issuer = running.stdout_line(|line| Some(line.to_owned()));
        signal(running.id(), name);
        running.end().assert_code(code);
        assert_nothing_left(&room, &issuer);
    }
}

/// The directory below TMPDIR is the first thing that an instance makes and the last that it
/// removes: whoever stops it in between must find nothing of it.
#[test]
fn a_signal_while_it_starts_leaves_nothing() {
    for arguments in [
        &["dev", "--listen", "127.0.0.1:0"][..],
        &["dev", "--", "sleep", "60"],
    ] {
        for _ in 0..10 {
            let room = Room::new();
            let mut running = Running::start(&mut room.claviger(arguments));
            let is_empty = || {
                std::fs::read_dir(room.tmp())
                    .expect("TMPDIR")
                    .next()
                    .is_none()
            };
            while is_empty() && running.is_alive() {
                std::thread::yield_now();
            }
            running.terminate();
            running.end();
            assert!(is_empty(), "something is left of {arguments:?}");
            assert!(
                !room.home().join(".aws").exists(),
                "something is left in ~/.aws"
            );
        }
    }
}

#[test]
fn a_command_that_fails_or_is_killed_passes_that_on() {
    let room = Room::new();
    for (script, code) in [
        ("exit 3", 3),
        ("kill -KILL $$", 137),
        ("exec no-such-command", 127),
    ] {
        let script = format!("echo \"$CLAVIGER_ISSUER\"; {script}");
        let ended = room.run(&["dev", "--", "sh", "-c", &script]);
        ended.assert_code(code);
        assert_nothing_left(&room, ended.stdout.trim());
    }
}

/// Keys, profiles and endpoints of the caller would win over what the command is given.
#[test]
fn nothing_of_the_callers_leads_the_command_elsewhere() {
    let misleading = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_SSO",
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_DATA_PATH",
        "AWS_REGION",
    ];
    let room = Room::new();
    let mut command = room.claviger(&["dev", "--", "env"]);
    command.envs(misleading.map(|name| (name, "of-the-caller")));
    let ended = claviger_tests::child::run(&mut command);
    ended.assert_code(0);
    let kept: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| line.ends_with("of-the-caller"))
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn each_way_to_sign_in_gives_a_token_and_none_gives_none() {
    let room = Room::new();
    let look = "ls \"$HOME/.aws/sso/cache\" 2>/dev/null | wc -l; echo \"$CLAVIGER_REFRESH_TOKEN\"";
    for (login, tokens) in [("device", 1), ("pkce", 1), ("none", 0)] {
        let ended = room.run(&["dev", "--login", login, "--", "sh", "-c", look]);
        ended.assert_code(0);
        let (count, token) = ended.stdout.split_once('\n').expect("two lines");
        assert_eq!(count.trim(), tokens.to_string(), "{ended}");
        assert_eq!(token.starts_with("cvr1."), tokens == 1, "{login}");
    }
}

#[test]
fn a_private_home_is_empty_but_for_the_token_and_goes_with_the_command() {
    let room = Room::new();
    room.write("of-mine", "");
    let look = "cd \"$HOME\" && find . -type f | wc -l && pwd";
    let ended = room.run(&["dev", "--private-home", "--", "sh", "-c", look]);
    ended.assert_code(0);
    let (count, home) = ended.stdout.split_once('\n').expect("two lines");
    assert_eq!(count.trim(), "1", "{ended}");
    assert_ne!(std::path::Path::new(home.trim()), room.home());
    assert!(!std::path::Path::new(home.trim()).exists());
}

#[test]
fn many_at_once_share_one_home_and_leave_nothing() {
    let room = Room::new();
    let cache = "ls \"$HOME/.aws/sso/cache\" | grep -c json; test -f \"$AWS_CONFIG_FILE\"";
    let running: Vec<_> = (0..8)
        .map(|_| Running::start(&mut room.claviger(&["dev", "--", "sh", "-c", cache])))
        .collect();
    for one in running {
        one.end().assert_code(0);
    }
    assert!(
        !room.home().join(".aws").exists(),
        "something is left in ~/.aws"
    );
}
