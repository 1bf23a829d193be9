//! `--help`, `--version` and completions.

use claviger_tests::{child, room::Room};

use crate::transcript::{assert_transcript, run};

/// Every command, as it is typed.
const COMMANDS: [&str; 36] = [
    "",
    "dev",
    "serve",
    "init",
    "admin",
    "admin plan",
    "admin apply",
    "admin user",
    "admin user list",
    "admin user set-password",
    "admin user disable",
    "admin user enable",
    "admin sessions",
    "admin sessions list",
    "admin sessions end",
    "admin client",
    "admin client deny",
    "admin client allow",
    "admin machine",
    "admin machine create",
    "admin machine list",
    "admin machine disable",
    "admin keys",
    "admin keys list",
    "admin keys rotate",
    "admin audit",
    "admin store",
    "admin store copy",
    "admin backup",
    "admin accept-rollback",
    "oidc",
    "oidc register-client",
    "oidc start-device-authorization",
    "oidc create-token",
    "conformance",
    "config",
];

fn help_of(room: &Room, command: &str) -> String {
    let mut arguments: Vec<&str> = command.split_whitespace().collect();
    arguments.push("--help");
    room.succeed(&arguments).stdout
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let (_, after) = help.split_once("Commands:\n").unwrap_or_default();
    after
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let room = Room::new();
    let every = COMMANDS.iter().chain(&["config example", "completions"]);
    for command in every {
        let help = help_of(&room, command);
        let subject = format!("claviger {command}");
        let (_, examples) = help
            .split_once("\nExample")
            .or_else(|| help.split_once("Try it:"))
            .unwrap_or_else(|| panic!("no example in the help of `{subject}`:\n{help}"));
        assert!(examples.contains(subject.trim()), "{subject}: {help}");
    }
}

#[test]
fn the_list_of_commands_in_this_suite_is_whole() {
    let room = Room::new();
    let known: Vec<String> = COMMANDS
        .iter()
        .chain(&["config example", "completions"])
        .map(|command| (*command).to_owned())
        .collect();
    for command in COMMANDS {
        for below in listed(&help_of(&room, command)) {
            let name = format!("{command} {below}").trim().to_owned();
            assert!(known.contains(&name), "{name} is not tested here");
        }
    }
}

#[test]
fn the_help_of_the_program_and_of_create_token_reads_well() {
    let room = Room::new();
    assert_transcript!("help", run(&room, &["--help"]));
    assert_transcript!(
        "help_create_token",
        run(&room, &["oidc", "create-token", "--help"])
    );
    assert_transcript!("help_dev", run(&room, &["dev", "--help"]));
}

#[test]
fn the_version_names_release_and_commit() {
    assert_transcript!("version", run(&Room::new(), &["--version"]));
}

#[test]
fn a_command_that_does_not_exist_is_answered_with_the_nearest() {
    let room = Room::new();
    assert_transcript!("unknown_command", run(&room, &["serv"]));
    assert_transcript!(
        "unknown_flag",
        run(&room, &["serve", "--lisen", "127.0.0.1:1"])
    );
}

#[test]
fn completions_for_bash_are_a_script_that_bash_takes() {
    let room = Room::new();
    let script = room.succeed(&["completions", "bash"]).stdout;
    let path = room.write("claviger.bash", &script);
    let mut bash = room.command("bash");
    let loads = "source \"$1\" && complete -p claviger";
    let ended = child::run(bash.args(["-c", loads, "bash"]).arg(path));
    ended.assert_code(0);
    assert!(ended.stdout.contains("_claviger"), "{ended}");
    for shell in ["zsh", "fish"] {
        let script = room.succeed(&["completions", shell]).stdout;
        assert!(script.contains("set-password"), "{script}");
    }
}
