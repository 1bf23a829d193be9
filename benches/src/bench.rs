//! All servers at once, and a round over all rows.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use tempfile::TempDir;

use crate::{
    durability::{self, Durability},
    http::Connection,
    load::{Measured, Worker, drive},
    postgres,
    process::{Running, cpu, cpu_of_family, free_address, resident},
    row::{ALL, Row},
    scenario::{
        Asking, Chain, Listing, Polling, Refreshing, Registering, SigningIn, Starting, Storming,
        connect, sign_in_many,
    },
    service::{SEES, Service, TYPISTS, person, typist},
    sign_in::Client,
    table::Sample,
};

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) length: Duration,
    pub(crate) connections: usize,
    pub(crate) sessions: usize,
}

/// How many ask for the same at once.
const STORM: usize = 100;

/// A service, and what its clients hold.
struct Peopled {
    service: Service,
    chains: Vec<Chain>,
}

/// Everything that runs.
pub(crate) struct Bench {
    effort: Effort,
    constant: Running,
    sqlite: Running,
    apart: Running,
    each: Running,
    batched: Running,
    file: Peopled,
    shared: Peopled,
    /// Access tokens of people by how many accounts they see.
    viewers: Vec<(usize, Arc<str>)>,
    begun: Vec<Starting>,
    errors: Vec<String>,
    database: postgres::Server,
    room: TempDir,
}

impl Bench {
    /// Starts all servers and signs in whom the wanted rows need.
    pub(crate) async fn start(
        binary: &Path,
        effort: Effort,
        only: &str,
        tell: impl Fn(&str) + Copy,
    ) -> anyhow::Result<Self> {
        let room = tempfile::tempdir()?;
        // PostgreSQL's account must get to its directory.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(room.path(), mode)?;
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
        let file = Service::start(binary, &room.path().join("sqlite-service"), None)?;
        let shared = Service::start(
            binary,
            &room.path().join("postgres-service"),
            Some(&database.url()),
        )?;
        let mut viewers = Vec::new();
        for sees in SEES {
            let chain = SigningIn::of(&file, &person(sees)).await?.next().await?;
            viewers.push((sees, chain.tokens.access_token.into()));
        }
        let people = async |service: Service, store: &str, rows: &[Row]| {
            let wanted = rows.iter().any(|row| row.is_wanted(only));
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
            anyhow::Ok(Peopled { service, chains })
        };
        Ok(Self {
            effort,
            constant,
            sqlite,
            apart,
            each,
            batched,
            file: people(file, "SQLite", &[Row::Refresh, Row::Storm]).await?,
            shared: people(shared, "PostgreSQL", &[Row::RefreshPostgres]).await?,
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
        only: &str,
        tell: impl Fn(&str),
    ) -> anyhow::Result<Vec<(Row, Sample)>> {
        let mut samples = Vec::new();
        for row in ALL.iter().filter(|row| row.is_wanted(only)) {
            tell(&row.name());
            let sample = self.measure(*row).await.with_context(|| row.name())?;
            samples.push((*row, sample));
        }
        Ok(samples)
    }

    /// What was wrong in any round.
    pub(crate) fn errors(&self) -> &[String] {
        &self.errors
    }

    fn server(&self, row: Row) -> &Running {
        match row {
            Row::CeilingConstant => &self.constant,
            Row::CeilingSqlite => &self.sqlite,
            Row::CeilingSqliteApart => &self.apart,
            Row::CeilingPostgresEach => &self.each,
            Row::CeilingPostgresBatched => &self.batched,
            Row::RefreshPostgres => &self.shared.service.running,
            _ => &self.file.service.running,
        }
    }

    async fn measure(&mut self, row: Row) -> anyhow::Result<Sample> {
        let (server, count) = (self.server(row), self.effort.connections);
        let (process, address) = (server.id(), server.address);
        let connections = connect(address, count).await?.into_iter();
        match row {
            Row::CeilingConstant
            | Row::CeilingSqlite
            | Row::CeilingSqliteApart
            | Row::CeilingPostgresEach
            | Row::CeilingPostgresBatched => {
                let asking = connections.zip(0..).map(|(connection, row)| {
                    let step = u64::try_from(count).unwrap_or(1);
                    Asking {
                        connection,
                        row,
                        step,
                    }
                });
                Ok(self.run(row, process, asking.collect()).await?.0)
            }
            Row::Register => {
                let registering = connections.map(Registering);
                Ok(self.run(row, process, registering.collect()).await?.0)
            }
            Row::Start => {
                let mut starting = Vec::new();
                for mut connection in connections {
                    let client = Client::register(&mut connection).await?;
                    let start_url = self.file.service.start_url().into();
                    starting.push(Starting {
                        connection,
                        client,
                        start_url,
                        devices: VecDeque::new(),
                    });
                }
                let (sample, begun) = self.run(row, process, starting).await?;
                self.begun = begun;
                Ok(sample)
            }
            Row::Poll => {
                let begun = std::mem::take(&mut self.begun).into_iter();
                let polling = begun.zip(connections).map(|(begun, connection)| {
                    Polling(Starting {
                        connection,
                        ..begun
                    })
                });
                Ok(self.run(row, process, polling.collect()).await?.0)
            }
            Row::List(sees) => {
                let viewer = self.viewers.iter().find(|(own, _)| *own == sees);
                let access = &viewer.context("nobody sees so many")?.1;
                let listing = connections.map(|connection| {
                    let access = Arc::clone(access);
                    Listing {
                        connection,
                        access,
                        sees,
                    }
                });
                Ok(self.run(row, process, listing.collect()).await?.0)
            }
            Row::Refresh | Row::RefreshPostgres => {
                let connections = connections.collect();
                self.refresh(row, process, connections).await
            }
            Row::Storm => self.storm(row, process, address).await,
            Row::SignIn => {
                // As many as there are people for it.
                let numbers = 0..TYPISTS.min(count);
                let signing = numbers
                    .map(async |number| SigningIn::of(&self.file.service, &typist(number)).await);
                let signing = try_join_all(signing).await?;
                Ok(self.run(row, process, signing).await?.0)
            }
        }
    }

    /// One session after the other is refreshed by all connections at once.
    async fn storm(
        &mut self,
        row: Row,
        process: u32,
        address: SocketAddr,
    ) -> anyhow::Result<Sample> {
        let chains = std::mem::take(self.chains(row)).into();
        let connections = connect(address, STORM).await?;
        let storming = Storming {
            connections,
            chains,
        };
        let (sample, workers) = self.run(row, process, vec![storming]).await?;
        let chains = workers.into_iter().flat_map(|worker| worker.chains);
        *self.chains(row) = chains.collect();
        Ok(sample)
    }

    /// Every chain is refreshed with its newest token, and given back.
    async fn refresh(
        &mut self,
        row: Row,
        process: u32,
        connections: Vec<Connection>,
    ) -> anyhow::Result<Sample> {
        let mut chains = std::mem::take(self.chains(row));
        let share = chains.len().div_ceil(connections.len());
        let refreshing = connections.into_iter().map(|connection| {
            let rest = chains.split_off(share.min(chains.len()));
            Refreshing::of(connection, std::mem::replace(&mut chains, rest).into())
        });
        let (sample, workers) = self.run(row, process, refreshing.collect()).await?;
        *self.chains(row) = workers
            .into_iter()
            .flat_map(|worker| worker.chains)
            .collect();
        Ok(sample)
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
            let mut refreshing = Refreshing::of(connection, chains);
            let watched = durability::watch(store, process, &mut refreshing, self.room.path());
            seen.push(watched.await?);
        }
        Ok(seen)
    }

    fn chains(&mut self, row: Row) -> &mut Vec<Chain> {
        match row {
            Row::RefreshPostgres => &mut self.shared.chains,
            _ => &mut self.file.chains,
        }
    }

    async fn run<W: Worker>(
        &mut self,
        row: Row,
        process: u32,
        workers: Vec<W>,
    ) -> anyhow::Result<(Sample, Vec<W>)> {
        let database = self.database.running.id();
        let before = (cpu(process)?, cpu_of_family(database)?);
        let (seen, workers) = drive(workers, self.effort.length).await;
        let after = (cpu(process)?, cpu_of_family(database)?);
        if let Some(error) = &seen.error {
            self.errors.push(format!(
                "{}: {} times, first: {error}",
                row.name(),
                seen.errors
            ));
        }
        let cost = |before: Duration, after: Duration| cost(&seen, after.saturating_sub(before));
        let sample = Sample {
            per_second: seen.per_second(),
            cpu: cost(before.0, after.0),
            cpu_of_database: if row.is_on_postgres() {
                cost(before.1, after.1)
            } else {
                0.0
            },
            p50: seen.times.value_at_quantile(0.5),
            p99: seen.times.value_at_quantile(0.99),
            p999: seen.times.value_at_quantile(0.999),
            errors: seen.errors,
            resident: resident(process)?,
        };
        Ok((sample, workers))
    }
}

/// Microseconds for each operation.
#[expect(clippy::cast_precision_loss, reason = "a count of some millions")]
fn cost(seen: &Measured, spent: Duration) -> f64 {
    spent.as_secs_f64() * 1e6 / seen.operations.max(1) as f64
}

/// A ceiling in a process of its own: this program, run again.
fn ceiling(which: &[&str]) -> anyhow::Result<Running> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["ceiling", &address.to_string()]).args(which);
    Running::start(&mut command, address)
}
