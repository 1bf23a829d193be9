//! The device of docs/oauth.md, typed as it stands there.

use std::process::Command;

use claviger_tests::{
    child::{self, Running},
    room::Room,
};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../docs/oauth.md");

/// The commands below a heading, each with the lines that go on with it.
fn commands(heading: &str) -> Vec<String> {
    let (_, below) = PAGE.split_once(heading).expect("the heading");
    let lines = below
        .lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    "));
    let mut commands: Vec<String> = Vec::new();
    for line in lines.map(str::trim_start) {
        match commands.last_mut() {
            Some(command) if !line.starts_with("curl ") => {
                command.push('\n');
                command.push_str(line);
            }
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

#[test]
fn a_device_by_hand_goes_as_it_is_written() {
    let room = Room::new();
    let running = Running::start(&mut room.claviger(&["dev", "--listen", "127.0.0.1:0"]));
    let start_url = running.stdout_line(|line| {
        let start_url = line.strip_prefix("Claviger is ready at ");
        start_url.map(ToOwned::to_owned)
    });
    let mut variables = vec![("ISSUER", start_url.trim_end_matches("/start").to_owned())];
    let mut answers = Vec::new();
    for command in commands("## A device, by hand") {
        let mut bash = Command::new("bash");
        bash.args(["-euc", &command]).envs(variables.clone());
        let answer = child::run(&mut bash).assert_code(0).json();
        for (variable, member) in [("CLIENT_ID", "client_id"), ("DEVICE_CODE", "device_code")] {
            let value = answer.get(member).and_then(Value::as_str);
            variables.extend(value.map(|value| (variable, value.to_owned())));
        }
        answers.push(answer);
    }
    let [registered, started, polled] = &answers[..] else {
        panic!("three commands: {answers:?}");
    };
    assert_eq!(registered["scope"], json!("sso:account:access"));
    assert!(started["user_code"].is_string(), "{started}");
    assert_eq!(polled["error"], json!("authorization_pending"));
}
