//! All servers at once, with the people and sessions that are needed.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::{
    credentials::Roles,
    durability::{self, Durability},
    filler::{fill_postgres, fill_sqlite},
    http::Connection,
    postgres,
    process::{Running, free_address},
    row::Row,
    scenario::{Chain, Refreshing, SigningIn, Starting, sign_in_many},
    service::{SEES, Service, person},
    table::Sample,
};

/// What Linux calls a filesystem in memory.
const TMPFS: i64 = 0x0102_1994;

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) length: Duration,
    pub(crate) connections: usize,
    pub(crate) sessions: usize,
    /// Sessions in the store at least, those that nobody uses among them.
    pub(crate) stored: usize,
    /// How often each connection begins an operation, where it is not as often as it can.
    pub(crate) pace: Option<Duration>,
}

/// A service, and what its clients hold.
pub(crate) struct Peopled {
    pub(crate) service: Service,
    pub(crate) chains: Vec<Chain>,
}

/// Everything that runs.
pub(crate) struct Bench {
    pub(crate) effort: Effort,
    pub(crate) constant: Running,
    pub(crate) sqlite: Running,
    pub(crate) apart: Running,
    pub(crate) each: Running,
    pub(crate) batched: Running,
    pub(crate) file: Peopled,
    pub(crate) shared: Peopled,
    /// Sessions of people by how many accounts they see.
    pub(crate) viewers: Vec<(usize, Chain)>,
    pub(crate) begun: Vec<Starting>,
    pub(crate) errors: Vec<String>,
    /// What sessions have not asked the two STS for yet.
    pub(crate) roles: [Vec<Roles>; 2],
    pub(crate) sts: [Running; 2],
    /// Refreshes a second in this round.
    pub(crate) fastest: f64,
    pub(crate) database: postgres::Server,
    pub(crate) room: TempDir,
}

impl Bench {
    /// Starts all servers and signs in whom the wanted rows need.
    pub(crate) async fn start(
        binary: &Path,
        effort: Effort,
        rows: &[Row],
        tell: impl Fn(&str) + Copy,
    ) -> anyhow::Result<Self> {
        let room = room()?;
        tell("starting the servers");
        let database = postgres::Server::start(&room.path().join("postgres"))?;
        let plain = format!("postgres://claviger@{}/postgres", database.running.address);
        let ceiling_room = room.path().join("ceiling");
        std::fs::create_dir(&ceiling_room)?;
        let directory = ceiling_room.display().to_string();
        let constant = ceiling(&["constant"])?;
        let sqlite = ceiling(&["sqlite", &directory, "together"])?;
        let apart = ceiling(&["sqlite", &directory, "apart"])?;
        let each = ceiling(&["postgres", &plain, "each"])?;
        let batched = ceiling(&["postgres", &plain, "batched"])?;
        let sts = [ceiling(&["sts", "0"])?, ceiling(&["sts", "20"])?];
        let at = [sts[0].address, sts[1].address];
        let file = Service::start(binary, &room.path().join("sqlite-service"), None, at)?;
        let shared = Service::start(
            binary,
            &room.path().join("postgres-service"),
            Some(&database.url()),
            at,
        )?;
        let mut viewers = Vec::new();
        for sees in SEES {
            let chain = SigningIn::of(&file, &person(sees)).await?.next().await?;
            viewers.push((sees, chain));
        }
        let people = async |service: Service, store: &str, on_postgres: bool| {
            let needs = |row: &Row| row.needs_sessions() && row.is_on_postgres() == on_postgres;
            let wanted = rows.iter().any(needs);
            let sessions = if wanted { effort.sessions } else { 0 };
            let begun = Instant::now();
            let chains = sign_in_many(&service, sessions, |done| {
                if done.is_multiple_of(1_000) {
                    let took = begun.elapsed().as_secs();
                    tell(&format!(
                        "{store}: {done} of {sessions} sessions after {took} s",
                    ));
                }
            });
            let chains = chains
                .await
                .with_context(|| format!("sign-ins on {store}"))?;
            let stored = effort.stored;
            if !wanted || stored == 0 {
                return anyhow::Ok(Peopled { service, chains });
            }
            tell(&format!("{store}: {stored} sessions"));
            let filled = service.stopped_for(async |file| {
                if on_postgres {
                    fill_postgres(&plain, stored).await
                } else {
                    fill_sqlite(file, stored)
                }
            });
            let service = filled.await?;
            Ok(Peopled { service, chains })
        };
        let file = people(file, "SQLite", false).await?;
        Ok(Self {
            effort,
            constant,
            sqlite,
            apart,
            each,
            batched,
            roles: [0, 1].map(|_| roles(&file)),
            sts,
            fastest: 0.0,
            file,
            shared: people(shared, "PostgreSQL", true).await?,
            viewers,
            begun: Vec::new(),
            errors: Vec::new(),
            database,
            room,
        })
    }

    /// Measures the wanted rows once.
    pub(crate) async fn round(
        &mut self,
        rows: &[Row],
        tell: impl Fn(&str),
    ) -> anyhow::Result<Vec<(Row, Sample)>> {
        let mut samples = Vec::new();
        for row in rows {
            tell(&row.name());
            let sample = self.measure(*row).await.with_context(|| row.name())?;
            if *row == Row::Refresh {
                self.fastest = sample.per_second;
            }
            samples.push((*row, sample));
        }
        Ok(samples)
    }

    /// How long the server on SQLite took to start.
    pub(crate) const fn ready_after(&self) -> Duration {
        self.file.service.running.ready_after
    }

    /// What was wrong in any round.
    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Whether rotations are durable, on the stores that have sessions.
    pub(crate) async fn durability(&self) -> anyhow::Result<Vec<Durability>> {
        let stores = [
            ("SQLite", &self.file, self.file.service.running.id()),
            ("PostgreSQL", &self.shared, self.database.running.id()),
        ];
        let mut seen = Vec::new();
        for (store, peopled, process) in stores {
            if peopled.chains.is_empty() {
                continue;
            }
            let address = peopled.service.running.address;
            let connection = Connection::open(address).await?;
            // Those that were refreshed longest ago.
            let chains = peopled.chains.clone().into();
            let mut refreshing = Refreshing { connection, chains };
            let watched = durability::watch(store, process, &mut refreshing, self.room.path());
            seen.push(watched.await?);
        }
        Ok(seen)
    }
}

fn roles(peopled: &Peopled) -> Vec<Roles> {
    let chains = peopled.chains.iter();
    chains
        .map(|chain| Roles::of(&chain.tokens.access_token))
        .collect()
}

/// Where the stores are: on a disk.
fn room() -> anyhow::Result<TempDir> {
    let room = tempfile::tempdir()?;
    ensure!(
        rustix::fs::statfs(room.path())?.f_type != TMPFS,
        "{} is memory, where nothing is written through; name a directory on a disk in TMPDIR",
        room.path().display()
    );
    // PostgreSQL's account must get to its directory.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(room.path(), mode)?;
    Ok(room)
}

/// A ceiling in a process of its own: this program, run again.
fn ceiling(which: &[&str]) -> anyhow::Result<Running> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["ceiling", &address.to_string()]).args(which);
    Running::start(&mut command, address)
}
