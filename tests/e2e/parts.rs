//! The real parts: Debian's AWS CLI and Chromium, boto3 and moto, Node with AWS's SDK.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use claviger_tests::{
    child::{self, Ended, Running},
    instance::Dev,
    room::Room,
};
use serde_json::Value;

/// Debian's AWS CLI.
pub(crate) const AWS_CLI: &str = "/usr/bin/aws";

/// Debian's Chromium.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";

/// A part, or a failure that says how to get it.
#[track_caller]
fn part(path: impl Into<PathBuf>) -> PathBuf {
    let path = path.into();
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask setup`",
        path.display()
    );
    path
}

fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the workspace")
}

/// `aws …`.
#[track_caller]
pub(crate) fn aws_cli(room: &Room, arguments: &[&str]) -> Command {
    let mut command = room.command(part(AWS_CLI));
    command.args(arguments);
    command
}

/// Points the clients of a command at an instance, as `dev` tells programs to.
pub(crate) fn point(command: &mut Command, dev: &Dev) {
    command
        .env("AWS_CONFIG_FILE", dev.text("aws_config_file"))
        .env("AWS_DATA_PATH", dev.text("aws_data_path"))
        .env("CLAVIGER_ABOUT", dev.about.to_string());
    if let Some(ca_bundle) = dev.about.get("ca_bundle").and_then(Value::as_str) {
        command
            .env("AWS_CA_BUNDLE", ca_bundle)
            .env("NODE_EXTRA_CA_CERTS", ca_bundle);
    }
}

/// A Python program of tests/e2e/python, in the environment with boto3.
#[track_caller]
pub(crate) fn python(room: &Room, program: &str, arguments: &[&str]) -> Command {
    let python = part(workspace().join(".venv/bin/python"));
    let mut command = room.command(python);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(workspace().join("tests/e2e/python").join(program))
        .args(arguments);
    command
}

/// A web application of a room on Flask, at a free port.
#[track_caller]
pub(crate) fn flask(room: &Room, application: &str) -> Command {
    let mut command = room.command(part(workspace().join(".venv/bin/flask")));
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["--app", application, "run", "--port", "0"]);
    command
}

/// pytest on a path of the workspace.
#[track_caller]
pub(crate) fn pytest(room: &Room, path: &str, flags: &[&str]) -> Command {
    let python = part(workspace().join(".venv/bin/python"));
    let mut command = room.command(python);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", "pytest"])
        .arg(workspace().join(path))
        .args(flags);
    command
}

/// A Node program of tests/e2e/js, which finds the packages of tests/npm by `CLAVIGER_NPM`.
#[track_caller]
pub(crate) fn node(room: &Room, program: &str, arguments: &[&str]) -> Command {
    let modules = part(workspace().join("tests/npm/node_modules/installed-package-lock.json"));
    let npm = modules.parent().and_then(Path::parent).expect("tests/npm");
    let mut command = room.command("node");
    command
        .env("CLAVIGER_NPM", npm)
        .env("CHROMIUM", part(CHROMIUM))
        .arg(workspace().join("tests/e2e/js").join(program))
        .args(arguments);
    command
}

/// Runs a command to its end and shows all it said unless it succeeds.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Ended {
    let ended = child::run(command);
    ended.assert_code(0);
    ended
}

/// The token files of a room, registrations apart.
pub(crate) fn tokens(room: &Room) -> Vec<(PathBuf, Value)> {
    let cache = room.home().join(".aws/sso/cache");
    let Ok(entries) = std::fs::read_dir(cache) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).ok()?;
            let json: Value = serde_json::from_str(&text).ok()?;
            json.get("accessToken")
                .is_some()
                .then(|| (entry.path(), json))
        })
        .collect()
}

/// moto as STS and S3.
pub(crate) struct Moto {
    /// Where it listens.
    pub(crate) url: String,
    _running: Running,
}

impl Moto {
    /// Starts one on a free port.
    #[track_caller]
    pub(crate) fn start(room: &Room) -> Self {
        let mut command = room.command(part(workspace().join(".venv/bin/moto_server")));
        // Its libraries ask for the home of AWS's own configuration.
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        let running = Running::start(&mut command);
        let url = running.stderr_line(|line| {
            let (_, url) = line.split_once("Running on ")?;
            Some(url.trim().to_owned())
        });
        Self {
            url,
            _running: running,
        }
    }
}
