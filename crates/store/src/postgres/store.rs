//! The driver: its readers, its writers, the clock, and the probe.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use claviger_model::{
    port::{clock::Clock, future::BoxFuture},
    time::Timestamp,
};
use tokio::{
    runtime::Handle,
    task::AbortHandle,
    time::{Instant, sleep, timeout_at},
};

use super::{
    address::Address,
    attempts::{PATIENCE, too_slow},
    condition::{Condition, Lineage, WORTH_A_WORD},
    connection::Connection,
    error::{self, Trouble},
    gather::Gatherer,
    many,
    open::{self, OpenError},
    opener::Opener,
    pool::Connections,
    reads, writes,
};
use crate::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query, Statement},
    value::{Row, Value},
};

/// Every so many looks all hosts are asked.
const SURVEY_EVERY: u64 = 5;

/// What the probe writes when writes have failed: nothing is another than before.
const NO_CHANGE: &str = "UPDATE meta SET value = value WHERE name = 'store_epoch'";

/// How often health is looked at (R11).
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// An open PostgreSQL store.
pub struct PostgresStore {
    opener: Opener,
    connections: Arc<Connections>,
    reads: Gatherer<Query>,
    writes: Gatherer<Statement>,
    probe: AbortHandle,
    clock: Mutex<Option<AbortHandle>>,
}

impl PostgresStore {
    /// Makes a new store in a database that has none, and what `first` writes with it.
    pub async fn create(address: Address, store_id: &str, first: &Plan) -> Result<Self, OpenError> {
        let condition = Arc::<Condition>::default();
        open::create(&address, &condition, store_id, first).await?;
        Ok(Self::start(address, condition))
    }

    /// Opens an existing store; its connections live on the runtime that this is called on.
    pub async fn open(address: Address) -> Result<Self, OpenError> {
        Self::open_after(address, Lineage::default()).await
    }

    /// The same, by who remembers a server: one that it had replaced is not taken for the primary.
    pub async fn open_after(address: Address, known: Lineage) -> Result<Self, OpenError> {
        let mut condition = Arc::new(Condition::knowing(known));
        let prepared = open::prepare(&address, &condition).await;
        // Nobody has replaced the server that is remembered; it is gone, and this is what there is.
        if prepared.is_err() && condition.met_only_others() {
            tracing::warn!("the database is another server than the one that this node remembers");
            condition = Arc::default();
            open::prepare(&address, &condition).await?;
        } else {
            prepared?;
        }
        Ok(Self::start(address, condition))
    }

    fn start(address: Address, condition: Arc<Condition>) -> Self {
        let runtime = Handle::current();
        let opener = Opener {
            address,
            condition,
            runtime: runtime.clone(),
        };
        let connections = Arc::new(Connections::new(opener.clone()));
        let probe = runtime.spawn(keep_looking(opener.clone())).abort_handle();
        Self {
            reads: reads::gather(&runtime, &connections),
            writes: writes::gather(&runtime, &connections),
            connections,
            opener,
            probe,
            clock: Mutex::default(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.opener.address
    }

    /// The server that has replaced all others.
    pub fn lineage(&self) -> Lineage {
        self.opener.condition.lineage()
    }

    /// The clock that all nodes share: the database's, asked every second, and between that what has passed
    /// since. While the machine's own `clock` is more than 30 s from it nothing is read or written.
    /// It is asked for the first time before this returns.
    pub async fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        let shared = SharedClock {
            condition: Arc::clone(&self.opener.condition),
            own: Arc::clone(&clock),
        };
        self.opener.condition.want_time();
        let _ = compare(&self.connections, &clock).await;
        let comparing = keep_comparing(Arc::clone(&self.connections), clock);
        let comparing = self.opener.runtime.spawn(comparing).abort_handle();
        let mut before = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = before.replace(comparing) {
            before.abort();
        }
        drop(before);
        Arc::new(shared)
    }
}

/// The database's clock, as far as anybody has asked it.
struct SharedClock {
    condition: Arc<Condition>,
    own: Arc<dyn Clock>,
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.condition.now().unwrap_or_else(|| self.own.now())
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.probe.abort();
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clock) = clock.as_ref() {
            clock.abort();
        }
        self.connections.close();
    }
}

impl Driver for PostgresStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.opener.condition.tells_the_time()?;
            let deadline = Instant::now() + PATIENCE;
            if many::may_read(&query) {
                return self.reads.run(query, deadline).await;
            }
            reads::fetch(&self.connections, &query, deadline).await
        })
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        Box::pin(async move {
            self.opener.condition.tells_the_time()?;
            let deadline = Instant::now() + PATIENCE;
            let plan = match writes::only(plan) {
                Ok(only) => return self.writes.run(only, deadline).await,
                Err(plan) => plan,
            };
            // Apart from whoever asked: a request that goes away must not leave a transaction half-way.
            let connections = Arc::clone(&self.connections);
            let applying = async move { writes::apply(&connections, &plan.0, deadline).await };
            let applied = self.opener.runtime.spawn(applying).await;
            applied.unwrap_or_else(|stopped| Err(Error::Unknown(stopped.to_string())))
        })
    }

    fn health(&self) -> Result<(), Error> {
        self.opener.condition.health()
    }

    fn caution(&self) -> Option<&'static str> {
        self.opener.condition.caution()
    }

    fn tells_the_time(&self) -> bool {
        self.opener.condition.tells_the_time().is_ok()
    }
}

/// One look at the server; a write as well, while writes fail.
async fn look(opener: &Opener, connection: &mut Option<Connection>) -> Result<(), Error> {
    let condition = &opener.condition;
    if connection.as_ref().is_none_or(|old| !old.is_fit(condition)) {
        let opened = Connection::open(&opener.address, condition).await;
        *connection = Some(opened.map_err(Trouble::give_up)?);
    }
    let Some(connection) = connection else {
        return Err(too_slow());
    };
    let judge = |failed| error::judge(&failed).give_up();
    // Whether it is still the primary, and whether anything confirms its commits, may have changed.
    let looked = connection.look_at_server(condition).await;
    looked.map_err(Trouble::give_up)?;
    if condition.writes_fail() {
        let kept = connection.run_kept(NO_CHANGE).await.map_err(judge)?;
        condition.has_written(kept);
    }
    Ok(())
}

/// Looks every second how far a clock is from the database's.
async fn keep_comparing(connections: Arc<Connections>, clock: Arc<dyn Clock>) {
    let mut is_off = false;
    loop {
        // Who does not answer is the other probe's to report.
        if compare(&connections, &clock).await.is_ok() {
            let ahead = connections.condition.ahead();
            let was_off = std::mem::replace(&mut is_off, ahead.abs() > WORTH_A_WORD);
            if is_off && !was_off {
                tracing::warn!(ahead, "this machine's clock is not the database's");
            }
        }
        sleep(PROBE_EVERY).await;
    }
}

/// Asks the database for the time, once.
async fn compare(connections: &Connections, clock: &Arc<dyn Clock>) -> Result<(), Error> {
    let query =
        Query::new("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)");
    let told = reads::fetch(connections, &query, Instant::now() + PROBE_EVERY).await?;
    if let Some([Value::Integer(there)]) = told.first().map(|row| row.0.as_slice()) {
        connections.condition.compare(Arc::clone(clock), *there);
    }
    Ok(())
}

/// Looks every second whether the store answers, and says so when that changes. It has a connection of its own:
/// what waits for one of the pool's says nothing of the server. If it fell silent, so have they.
async fn keep_looking(opener: Opener) {
    let mut connection = None;
    for round in 0_u64.. {
        let next = Instant::now() + PROBE_EVERY;
        let met = timeout_at(next, look(&opener, &mut connection)).await;
        let met = met.unwrap_or_else(|_| Err(too_slow()));
        if met.is_err() {
            connection = None;
            opener.condition.suspect_all();
        }
        let failed = met.as_ref().err().map(ToString::to_string);
        if opener.condition.note(met) {
            if let Some(error) = failed {
                tracing::error!(error, "PostgreSQL does not answer");
            } else {
                tracing::info!("PostgreSQL answers again");
            }
        }
        if round % SURVEY_EVERY == 0 && opener.address.hosts.len() > 1 {
            // A primary that took over while the one before it lives on is met by looking for it alone.
            Connection::survey(&opener.address, &opener.condition).await;
        }
        tokio::time::sleep_until(next).await;
    }
}
