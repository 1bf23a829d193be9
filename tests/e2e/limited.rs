//! docs/limited.md: an agent's login with less, run as the page shows it, and through the AWS CLI's own
//! login.

use claviger_tests::{child, instance::Dev, room::Room};

use crate::parts::{self, succeed};

const PAGE: &str = include_str!("../../docs/limited.md");

/// The page's block in that language.
fn block(language: &str) -> &'static str {
    let (_, after) = PAGE
        .split_once(&format!("```{language}\n"))
        .expect("a block");
    after.split("```").next().expect("its end")
}

#[test]
fn the_page_shows_what_an_agent_meets() {
    let room = Room::new();
    room.write("agent.sh", block("sh"));
    let (command, due) = block("console")
        .split_once('\n')
        .expect("a command and its output");
    let mut shell = room.command("sh");
    shell
        .arg("-c")
        .arg(format!("{} 2>&1", command.trim_start_matches("$ ")));
    // Debian's CLI, and the claviger under test, by the names that the page uses.
    let bin = room.path().join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    for (name, program) in [
        ("aws", parts::AWS_CLI.into()),
        ("claviger", child::claviger()),
    ] {
        std::os::unix::fs::symlink(program, bin.join(name)).expect("a link");
    }
    shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let ended = child::run(&mut shell);
    assert_eq!(ended.stdout, due, "{ended}");
    assert!(
        !room.home().join(".aws").exists(),
        "something is left in ~/.aws"
    );
}

#[test]
fn the_aws_cli_logs_in_for_one_role() {
    let room = Room::new();
    let scope = "sso:account:444455556666:ReadOnly";
    let dev = Dev::start(&room, &["--scope", scope, "--approve", "alice"]);
    let aws = |arguments: &[&str]| {
        let mut command = parts::aws_cli(&room, arguments);
        parts::point(&mut command, &dev);
        command
    };
    succeed(&mut aws(&["sso", "login", "--no-browser"]));
    let identity = succeed(&mut aws(&["sts", "get-caller-identity"])).json();
    let arn = identity["Arn"].as_str().unwrap_or_default();
    assert!(
        arn.ends_with("444455556666:assumed-role/ReadOnly/alice"),
        "{identity}"
    );
    let (_, token) = parts::tokens(&room).pop().expect("a token");
    let token = token["accessToken"].as_str().expect("a token");
    let listed = succeed(&mut aws(&["sso", "list-accounts", "--access-token", token])).json();
    assert_eq!(
        listed["accountList"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    for profile in ["Developer-444455556666", "ReadOnly-111122223333"] {
        let refused = child::run(&mut aws(&[
            "sts",
            "get-caller-identity",
            "--profile",
            profile,
        ]));
        assert!(refused.stderr.contains("No access"), "{profile}: {refused}");
    }
    succeed(&mut aws(&["sso", "logout"]));
}
