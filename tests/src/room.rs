//! A hermetic place for one test of a built program: its own HOME and TMPDIR, nothing of the
//! caller's environment but PATH.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use crate::child::{self, Ended};

/// A directory with `home`, `tmp` and `work` in it; gone when it is dropped.
#[derive(Debug)]
pub struct Room {
    root: TempDir,
}

impl Room {
    /// An empty room.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("room-").tempdir();
        let root = root.expect("a temporary directory");
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(root.path().join(name)).expect("a directory of the room");
        }
        Self { root }
    }

    /// Where everything of the room lies.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// The private HOME.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The private TMPDIR.
    pub fn tmp(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// The working directory of every command.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// Writes a file below the working directory and answers its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::write(&path, text).expect("a file of the room");
        path
    }

    /// Reads a file below the working directory.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).expect("a file of the room")
    }

    /// A command that sees this room and nothing else.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("TMPDIR", self.tmp())
            .env("PATH", search_path())
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "100")
            // No client may look for an instance's metadata, or page its output.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .current_dir(self.work());
        command
    }

    /// The built claviger with arguments.
    pub fn claviger(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(child::claviger());
        command.args(arguments);
        command
    }

    /// Runs claviger to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        child::run(&mut self.claviger(arguments))
    }

    /// Runs claviger and shows all that it said when it does not succeed.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        ended.assert_code(0);
        ended
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// A port that nobody listens on, and nobody is given by chance before it is used: it lies below those
/// that the system hands out, and suites begin at different places.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 97).unwrap_or_default() * 100;
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "programs are found by PATH")]
fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
