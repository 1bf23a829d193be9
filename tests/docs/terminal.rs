//! A reader's terminal: one shell in which the page's blocks are run one after another, and the
//! browser that the reader has open beside it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use claviger_tests::{
    browser::Browser,
    child::{self, Running},
    http::{Connection, Request},
    instance::{Dev, PASSWORD},
    room::Room,
};

use crate::page;

/// A shell beside a running `claviger dev`.
pub(crate) struct Terminal {
    shell: Running,
    commands: usize,
    pub(crate) dev: Dev,
    browser: Browser,
    _room: Room,
}

impl Terminal {
    /// Opens one: the page's blocks lie in its directory, the programs that the page names are
    /// found, and the variable that the page tells the reader to set is set.
    pub(crate) async fn open() -> Self {
        let room = Room::new();
        for block in page::blocks() {
            room.write(block.name, block.text);
        }
        let modules = part("tests/npm/node_modules");
        std::os::unix::fs::symlink(modules, room.work().join("node_modules")).expect("a link");
        let dev = Dev::start(&room, &[]);
        let mut command = room.command("bash");
        command
            .args(["--noprofile", "--norc"])
            .env("CLAVIGER_ISSUER", dev.text("issuer"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let path = search_path(&command);
        let mut shell = Running::start_piped(command.env("PATH", path));
        shell.say("set -euo pipefail\n");
        let mut browser = dev.browser();
        browser.sign_in("alice", PASSWORD).await.assert_status(303);
        Self {
            shell,
            commands: 0,
            dev,
            browser,
            _room: room,
        }
    }

    /// Types a command and waits for its end; answers what it printed.
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.begin(command);
        self.end()
    }

    /// Types a command.
    pub(crate) fn begin(&mut self, command: &str) {
        self.commands += 1;
        let done = self.done();
        self.shell.say(&format!(
            "{command} < /dev/null\nprintf '\\n%s\\n' '{done}'\n"
        ));
    }

    /// Waits for the end of the last command; answers what it printed.
    pub(crate) fn end(&self) -> String {
        let done = self.done();
        self.shell.stdout_line(|line| (line == done).then_some(()));
        let all = format!("--- done 0\n{}", self.shell.stdout());
        let own = all.split("--- done ").nth(self.commands);
        let (_, own) = own
            .and_then(|own| own.split_once('\n'))
            .expect("what it printed");
        own.to_owned()
    }

    fn done(&self) -> String {
        format!("--- done {}", self.commands)
    }

    /// Waits until a device has been told that nobody has decided, then approves it.
    pub(crate) async fn approve_once_asked(&mut self, link: &str) {
        let told = "AuthorizationPendingException";
        child::wait_until("a device asks", || self.dev.running.stdout().contains(told));
        self.approve(link).await;
    }

    /// Opens the link of a device and approves it.
    pub(crate) async fn approve(&mut self, link: &str) {
        let page = self.browser.get(link).await;
        let code = claviger_tests::http::parameter(link, "user_code").expect("a user code");
        assert!(page.text().contains(&code), "{page}");
        self.browser.approve(&code).await.assert_status(303);
    }

    /// Opens the address that the running command asks for, allows, and follows the way back.
    pub(crate) async fn allow(&mut self) {
        let opened = self
            .shell
            .stderr_line(|line| Some(line.strip_prefix("Open ")?.to_owned()));
        let page = self.browser.get(&opened).await;
        let back = self.browser.consent(&page, "Allow").await;
        let location = back.header("location").expect("a way back");
        let target = location.strip_prefix("http://").expect("the loopback");
        let (host, path) = target.split_once('/').expect("a path");
        let address = host.parse().expect("an address");
        Connection::exchange(address, host, &Request::get(format!("/{path}")))
            .await
            .assert_status(200);
    }
}

/// Where the programs of the page are found, before all others.
fn search_path(command: &Command) -> OsString {
    let mut path = OsString::new();
    let binary = child::claviger();
    let beside = |program: &Path| program.parent().expect("a directory").to_owned();
    let example = child::example("create_token");
    for directory in [beside(&binary), beside(&example), part(".venv/bin")] {
        path.push(directory);
        path.push(":");
    }
    let inherited = command.get_envs().find(|(name, _)| *name == "PATH");
    path.push(inherited.and_then(|(_, value)| value).unwrap_or_default());
    path
}

/// A part that the set-up of the tests installs.
fn part(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = tests.parent().expect("the workspace").join(name);
    assert!(
        path.exists(),
        "{name} is not there; run `cargo xtask setup`"
    );
    path
}
