//! A PostgreSQL of Debian's, with the settings that keep data.

use std::{
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::process::{Running, free_address};

/// Whom it runs as where we run as root, which it refuses to be.
const ACCOUNT: &str = "postgres";

/// A server that runs.
pub(crate) struct Server {
    pub(crate) running: Running,
}

impl Server {
    /// A new one whose data lie in `room`.
    pub(crate) fn start(room: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(room)?;
        let programs = programs()?;
        let account = account()?;
        if let Some((user, group)) = account {
            chown(room, Some(user), Some(group))?;
        }
        let command = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(room);
            if let Some((user, group)) = account {
                command.uid(user).gid(group);
            }
            command
        };
        let mut initdb = command("initdb");
        initdb.args([
            "--auth=trust",
            "--username=claviger",
            "--encoding=UTF8",
            "-D",
            "data",
        ]);
        let made = initdb.output().context("initdb")?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        let address = free_address()?;
        let mut server = command("postgres");
        server.args([
            "-D",
            "data",
            "-k",
            "",
            "-c",
            "shared_buffers=256MB",
            "-c",
            "log_min_messages=fatal",
        ]);
        server.args(["-c", "max_wal_size=4GB", "-p", &address.port().to_string()]);
        server.args(["-c", "listen_addresses=127.0.0.1"]);
        let running = Running::start(&mut server, address)?;
        let server = Self { running };
        // It takes connections before it lets anybody in.
        while !server.is_up(&programs) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ok(server)
    }

    fn is_up(&self, programs: &Path) -> bool {
        let mut psql = Command::new(programs.join("psql"));
        psql.args([&self.url(), "-c", "SELECT 1"]);
        psql.output().is_ok_and(|answer| answer.status.success())
    }

    /// As `claviger serve` takes it.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://claviger@{}/postgres?sslmode=disable",
            self.running.address
        )
    }
}

/// Debian keeps them out of the way of other versions.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.context("Debian's PostgreSQL: run `cargo xtask setup`")?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .context("Debian's PostgreSQL: run `cargo xtask setup`")
}

/// User and group of the account; nothing where we are not root.
fn account() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::getuid().is_root() {
        return Ok(None);
    }
    let id = |flag: &str| -> anyhow::Result<u32> {
        let output = Command::new("id").args([flag, ACCOUNT]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse()
            .with_context(|| format!("there is no account {ACCOUNT}"))
    };
    Ok(Some((id("-u")?, id("-g")?)))
}
