//! One row after the other.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::future::try_join_all;

use crate::{
    bench::Bench,
    credentials::{Cold, Crowd, Kept, Roles, Unasked, asked},
    http::Connection,
    load::{Measured, Worker, as_float, drive, pace},
    process::{Running, cpu, cpu_of_family, resident},
    row::{CROWD, Row},
    scenario::{
        Asking, Authorizing, Chain, Introspecting, Listing, Mixing, Polling, Refreshing,
        Registering, SigningIn, Starting, Storming, connect,
    },
    service::{PATIENT, PROMPT, SEES, TYPISTS, typist},
    sign_in::Client,
    table::Sample,
};

impl Bench {
    fn chains(&mut self, row: Row) -> &mut Vec<Chain> {
        match row {
            Row::RefreshPostgres => &mut self.shared.chains,
            _ => &mut self.file.chains,
        }
    }

    /// How often each connection begins an operation, where it is not as often as it can.
    fn pace(&self, row: Row) -> Option<Duration> {
        if row != Row::RefreshHalf {
            return self.effort.pace;
        }
        pace(self.effort.connections, self.fastest / 2.0)
    }

    async fn run<W: Worker>(
        &mut self,
        row: Row,
        process: u32,
        workers: Vec<W>,
    ) -> anyhow::Result<(Sample, Vec<W>)> {
        let database = self.database.running.id();
        let asked = self.asked().await?;
        let before = (cpu(process)?, cpu_of_family(database)?);
        let (seen, workers) = drive(workers, self.effort.length, self.pace(row)).await;
        let after = (cpu(process)?, cpu_of_family(database)?);
        let asked = self.asked().await? - asked;
        if let Some(error) = &seen.error {
            self.errors.push(format!(
                "{}: {} times, first: {error}",
                row.name(),
                seen.errors
            ));
        }
        if seen.operations == 0 {
            self.errors.push(format!(
                "{}: nothing was done; if it refreshes, ask for more --sessions: each rotates four times a minute",
                row.name()
            ));
        }
        // Microseconds for each operation.
        let cost = |before: Duration, after: Duration| {
            let spent = after.saturating_sub(before).as_micros();
            each(u64::try_from(spent).unwrap_or(u64::MAX), &seen)
        };
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
            reached: each(asked, &seen),
            resident: resident(process)?,
            ran_out: seen.took < self.effort.length.mul_f64(0.9),
        };
        Ok((sample, workers))
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

    /// One row, once.
    pub(crate) async fn measure(&mut self, row: Row) -> anyhow::Result<Sample> {
        let server = self.server(row);
        let count = row.connections().unwrap_or(self.effort.connections);
        let (process, address) = (server.id(), server.address);
        let connections = connect(address, count).await?.into_iter();
        match row {
            Row::CeilingConstant
            | Row::CeilingSqlite
            | Row::CeilingSqliteApart
            | Row::CeilingPostgresEach
            | Row::CeilingPostgresBatched => {
                let step = count.try_into()?;
                let asking = connections.zip(0..).map(|(connection, row)| Asking {
                    connection,
                    row,
                    step,
                });
                Ok(self.run(row, process, asking.collect()).await?.0)
            }
            Row::Register | Row::RegisterBy(_) => {
                let registering = connections.map(Registering).collect();
                Ok(self.run(row, process, registering).await?.0)
            }
            Row::Start => {
                let connections = connections.collect();
                self.begin(row, process, connections).await
            }
            Row::Poll => self.poll(row, process, connections.collect()).await,
            Row::List(sees) => {
                let access = self.access(sees)?;
                let listing = connections.map(|connection| Listing {
                    connection,
                    access: Arc::clone(&access),
                    sees,
                });
                Ok(self.run(row, process, listing.collect()).await?.0)
            }
            Row::Introspect => {
                let body = self.viewer(SEES[0])?.introspecting();
                let introspecting = connections.map(|connection| Introspecting {
                    connection,
                    body: body.clone(),
                });
                Ok(self.run(row, process, introspecting.collect()).await?.0)
            }
            Row::Refresh | Row::RefreshPostgres | Row::RefreshHalf | Row::RefreshBy(_) => {
                let connections = connections.collect();
                self.refresh(row, process, connections).await
            }
            Row::Storm => self.storm(row, process, address).await,
            // As many as there are people for it.
            Row::SignIn => {
                let signing = (0..TYPISTS.min(count))
                    .map(async |number| SigningIn::of(&self.file.service, &typist(number)).await);
                let signing = try_join_all(signing).await?;
                Ok(self.run(row, process, signing).await?.0)
            }
            Row::Code => {
                let authorizing = (0..TYPISTS.min(count))
                    .map(async |number| Authorizing::of(&self.file.service, &typist(number)).await);
                let authorizing = try_join_all(authorizing).await?;
                Ok(self.run(row, process, authorizing).await?.0)
            }
            Row::Cold | Row::ColdPatient => {
                let connections = connections.collect();
                self.cold(row, process, connections).await
            }
            Row::Kept => {
                let access = self.access(SEES[0])?;
                let kept = connections.zip(std::iter::repeat(access));
                let kept = kept.map(|(connection, access)| Kept { connection, access });
                Ok(self.run(row, process, kept.collect()).await?.0)
            }
            Row::Crowd => self.crowd(row, process, address).await,
            Row::Mix => {
                let connections = connections.collect();
                self.mix(row, process, connections).await
            }
        }
    }

    /// Devices begin; what they were told is kept for the polls.
    async fn begin(
        &mut self,
        row: Row,
        process: u32,
        connections: Vec<Connection>,
    ) -> anyhow::Result<Sample> {
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

    /// Each of those devices asks some times.
    async fn poll(
        &mut self,
        row: Row,
        process: u32,
        connections: Vec<Connection>,
    ) -> anyhow::Result<Sample> {
        let begun = std::mem::take(&mut self.begun).into_iter();
        let polling = begun.zip(connections).map(|(begun, connection)| {
            Polling(Starting {
                connection,
                ..begun
            })
        });
        Ok(self.run(row, process, polling.collect()).await?.0)
    }

    /// One session after the other is refreshed by all connections at once.
    async fn storm(
        &mut self,
        row: Row,
        process: u32,
        address: SocketAddr,
    ) -> anyhow::Result<Sample> {
        let chains = std::mem::take(self.chains(row)).into();
        let connections = connect(address, CROWD.try_into()?).await?;
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
        let refreshing = self.refreshing(row, connections);
        let (sample, workers) = self.run(row, process, refreshing).await?;
        self.give_back(row, workers);
        Ok(sample)
    }

    /// All chains, shared out.
    fn refreshing(&mut self, row: Row, connections: Vec<Connection>) -> Vec<Refreshing> {
        let mut chains = std::mem::take(self.chains(row));
        let share = chains.len().div_ceil(connections.len());
        let refreshing = connections.into_iter().map(|connection| {
            let rest = chains.split_off(share.min(chains.len()));
            let chains = std::mem::replace(&mut chains, rest).into();
            Refreshing { connection, chains }
        });
        refreshing.collect()
    }

    fn give_back(&mut self, row: Row, workers: impl IntoIterator<Item = Refreshing>) {
        let chains = workers.into_iter().flat_map(|worker| worker.chains);
        *self.chains(row) = chains.collect();
    }

    /// Roles that nobody has asked for, shared out and given back.
    async fn cold(
        &mut self,
        row: Row,
        process: u32,
        connections: Vec<Connection>,
    ) -> anyhow::Result<Sample> {
        let (roles, role) = self.roles(row);
        let mut roles = std::mem::take(roles);
        let share = roles.len().div_ceil(connections.len());
        let cold = connections.into_iter().map(|connection| {
            let rest = roles.split_off(share.min(roles.len()));
            let unasked = Unasked {
                sessions: std::mem::replace(&mut roles, rest).into(),
                role,
            };
            Cold {
                connection,
                unasked,
            }
        });
        let (sample, workers) = self.run(row, process, cold.collect()).await?;
        let sessions = workers
            .into_iter()
            .flat_map(|worker| worker.unasked.sessions);
        *self.roles(row).0 = sessions.collect();
        Ok(sample)
    }

    /// One role after the other is asked for by all connections at once.
    async fn crowd(
        &mut self,
        row: Row,
        process: u32,
        address: SocketAddr,
    ) -> anyhow::Result<Sample> {
        let connections = connect(address, CROWD.try_into()?).await?;
        let (roles, role) = self.roles(row);
        let unasked = Unasked {
            sessions: std::mem::take(roles).into(),
            role,
        };
        let (sample, workers) = self
            .run(
                row,
                process,
                vec![Crowd {
                    connections,
                    unasked,
                }],
            )
            .await?;
        let sessions = workers
            .into_iter()
            .flat_map(|worker| worker.unasked.sessions);
        *self.roles(row).0 = sessions.collect();
        Ok(sample)
    }

    async fn mix(
        &mut self,
        row: Row,
        process: u32,
        mut connections: Vec<Connection>,
    ) -> anyhow::Result<Sample> {
        let first = connections.first_mut().context("no connection")?;
        let client = Client::register(first).await?;
        let start_url: Arc<str> = self.file.service.start_url().into();
        let access = self.access(SEES[0])?;
        let refreshing = self.refreshing(row, connections).into_iter();
        let mixing = refreshing.enumerate().map(|(step, refreshing)| Mixing {
            refreshing,
            client: client.clone(),
            start_url: Arc::clone(&start_url),
            access: Arc::clone(&access),
            step,
        });
        let (sample, workers) = self.run(row, process, mixing.collect()).await?;
        self.give_back(row, workers.into_iter().map(|worker| worker.refreshing));
        Ok(sample)
    }

    /// The session of somebody who sees so many accounts.
    fn viewer(&self, sees: usize) -> anyhow::Result<&Chain> {
        let viewer = self.viewers.iter().find(|(own, _)| *own == sees);
        Ok(&viewer.context("nobody sees so many")?.1)
    }

    /// Their token.
    pub(crate) fn access(&self, sees: usize) -> anyhow::Result<Arc<str>> {
        Ok(self.viewer(sees)?.tokens.access_token.as_str().into())
    }

    /// What nobody has asked that STS for yet, and the name of its roles.
    const fn roles(&mut self, row: Row) -> (&mut Vec<Roles>, &'static str) {
        let [prompt, patient] = &mut self.roles;
        match row {
            Row::Cold => (prompt, PROMPT),
            _ => (patient, PATIENT),
        }
    }

    /// How often the two STS were asked.
    async fn asked(&self) -> anyhow::Result<u64> {
        let [prompt, patient] = &self.sts;
        Ok(asked(prompt.address).await? + asked(patient.address).await?)
    }
}

/// So many for each operation.
fn each(count: u64, seen: &Measured) -> f64 {
    as_float(count) / as_float(seen.operations.max(1))
}
