//! The driver: a pool of connections, deadlines, and second attempts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use claviger_model::{
    port::{clock::Clock, future::BoxFuture},
    time::Timestamp,
};
use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, Timeouts},
};
use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout_at},
};

use super::{
    address::Address,
    condition::{Condition, Lineage, WORTH_A_WORD},
    connection::{Connection, Failure},
    error::{self, Trouble},
    open::{self, OpenError},
};
use crate::{
    driver::Driver,
    error::Error,
    statement::{Applied, Plan, Query},
    value::{Row, Value},
};

/// How long a plan or a read may take: shorter than the 3 s that a request has, so that whoever asked can
/// still answer in their own words (TOK-10).
const PATIENCE: Duration = Duration::from_millis(2500);

/// How long to wait for a connection.
const WAIT: Duration = Duration::from_secs(2);

/// Connections of one node.
const CONNECTIONS: usize = 16;

/// Attempts after the first (RELIABILITY §3).
const MORE_ATTEMPTS: u32 = 3;

/// The pause before the second attempt; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// Every so many looks all hosts are asked.
const SURVEY_EVERY: u64 = 5;

/// What the probe writes when writes have failed: nothing is another than before.
const NO_CHANGE: &str = "UPDATE meta SET value = value WHERE name = 'store_epoch'";

/// How often health is looked at (R11).
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// An open PostgreSQL store.
pub struct PostgresStore {
    inner: Arc<Inner>,
    probe: AbortHandle,
    clock: Mutex<Option<AbortHandle>>,
}

struct Inner {
    pool: Pool<Connections>,
    address: Address,
    condition: Arc<Condition>,
    runtime: Handle,
}

/// Makes connections for the pool, on the runtime that the store was opened on.
struct Connections {
    address: Address,
    condition: Arc<Condition>,
    runtime: Handle,
}

impl Manager for Connections {
    type Type = Connection;
    type Error = Trouble;

    async fn create(&self) -> Result<Connection, Trouble> {
        let (address, condition) = (self.address.clone(), Arc::clone(&self.condition));
        // Whoever stops waiting for it ends it.
        let mut opening = JoinSet::new();
        let open = async move { Connection::open(&address, &condition).await };
        opening.spawn_on(open, &self.runtime);
        match opening.join_next().await {
            Some(Ok(opened)) => opened,
            Some(Err(stopped)) => Err(Trouble::Again(stopped.to_string())),
            None => Err(Trouble::Again("no connection was opened".to_owned())),
        }
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Trouble> {
        if connection.is_fit(&self.condition) {
            Ok(())
        } else {
            Err(RecycleError::message("closed"))
        }
    }
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
        let manager = Connections {
            address: address.clone(),
            condition: Arc::clone(&condition),
            runtime: runtime.clone(),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts::wait_millis(
                WAIT.as_millis().try_into().unwrap_or(u64::MAX),
            ))
            .build();
        // The builder fails for timeouts without a runtime alone, and there is one.
        #[expect(clippy::expect_used, reason = "both are named three lines above")]
        let pool = pool.expect("timeouts and a runtime");
        let inner = Arc::new(Inner {
            pool,
            address,
            condition,
            runtime: runtime.clone(),
        });
        let probe = runtime
            .spawn(keep_looking(Arc::clone(&inner)))
            .abort_handle();
        Self {
            inner,
            probe,
            clock: Mutex::default(),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    /// The server that has replaced all others.
    pub fn lineage(&self) -> Lineage {
        self.inner.condition.lineage()
    }

    /// The clock that all nodes share: the database's, asked every second, and between that what has passed
    /// since. While the machine's own `clock` is more than 30 s from it nothing is read or written.
    /// It is asked for the first time before this returns.
    pub async fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        let shared = SharedClock {
            condition: Arc::clone(&self.inner.condition),
            own: Arc::clone(&clock),
        };
        self.inner.condition.want_time();
        let _ = compare(&self.inner, &clock).await;
        let comparing = keep_comparing(Arc::clone(&self.inner), clock);
        let comparing = self.inner.runtime.spawn(comparing).abort_handle();
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
        self.inner.pool.close();
    }
}

impl Driver for PostgresStore {
    fn fetch(&self, query: Query) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.inner.condition.tells_the_time()?;
            self.inner.fetch(&query, Instant::now() + PATIENCE).await
        })
    }

    fn apply(&self, plan: Plan) -> BoxFuture<'_, Result<Applied, Error>> {
        // Apart from whoever asked: a request that goes away must not leave a transaction half-way.
        let inner = Arc::clone(&self.inner);
        let applying = self.inner.runtime.spawn(async move {
            inner.condition.tells_the_time()?;
            inner.apply(&plan, Instant::now() + PATIENCE).await
        });
        Box::pin(async move {
            let applied = applying.await;
            applied.unwrap_or_else(|stopped| Err(Error::Unknown(stopped.to_string())))
        })
    }

    fn health(&self) -> Result<(), Error> {
        self.inner.condition.health()
    }

    fn caution(&self) -> Option<&'static str> {
        self.inner.condition.caution()
    }

    fn tells_the_time(&self) -> bool {
        self.inner.condition.tells_the_time().is_ok()
    }
}

/// A connection while somebody reads. Whoever goes away before the answer leaves it to the next one, who gets what they
/// ask for; what has not answered in time is closed.
struct Held {
    connection: Option<Object<Connections>>,
    deadline: Instant,
}

impl Held {
    fn get(&mut self) -> Result<&mut Connection, Trouble> {
        let held = self.connection.as_deref_mut();
        held.ok_or_else(|| Trouble::Again("the connection is gone".to_owned()))
    }

    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if Instant::now() >= self.deadline {
            self.close();
        }
    }
}

impl Inner {
    /// One look at the server; a write as well, while writes fail.
    async fn look(&self, connection: &mut Option<Connection>) -> Result<(), Error> {
        if connection
            .as_ref()
            .is_none_or(|old| !old.is_fit(&self.condition))
        {
            let opened = Connection::open(&self.address, &self.condition).await;
            *connection = Some(opened.map_err(Trouble::give_up)?);
        }
        let Some(connection) = connection else {
            return Err(too_slow());
        };
        let judge = |failed| error::judge(&failed).give_up();
        // Whether it is still the primary, and whether anything confirms its commits, may have changed.
        let looked = connection.look_at_server(&self.condition).await;
        looked.map_err(Trouble::give_up)?;
        if self.condition.writes_fail() {
            let kept = connection.run_kept(NO_CHANGE).await.map_err(judge)?;
            self.condition.has_written(kept);
        }
        Ok(())
    }

    async fn fetch(&self, query: &Query, deadline: Instant) -> Result<Vec<Row>, Error> {
        let mut attempt = 0;
        loop {
            let trouble = match timeout_at(deadline, self.fetch_once(query, deadline)).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(trouble)) => trouble,
                Err(_) => return Err(too_slow()),
            };
            self.pause(trouble, &mut attempt, deadline).await?;
        }
    }

    async fn fetch_once(&self, query: &Query, deadline: Instant) -> Result<Vec<Row>, Trouble> {
        let mut connection = Held {
            connection: Some(self.connection().await?),
            deadline,
        };
        let fetched = connection.get()?.fetch(query).await;
        if fetched.as_ref().is_err_and(error::is_leaving) {
            connection.close();
        }
        fetched.map_err(|failed| error::judge(&failed))
    }

    async fn apply(&self, plan: &Plan, deadline: Instant) -> Result<Applied, Error> {
        let mut attempt = 0;
        loop {
            let trouble = match self.apply_once(plan, deadline).await {
                Ok(applied) => {
                    self.condition.has_written(true);
                    return Ok(applied);
                }
                Err(trouble) => trouble,
            };
            if let Err(gave_up) = self.pause(trouble, &mut attempt, deadline).await {
                self.condition.has_written(false);
                return Err(gave_up);
            }
        }
    }

    async fn apply_once(&self, plan: &Plan, deadline: Instant) -> Result<Applied, Trouble> {
        let connecting = timeout_at(deadline, self.connection()).await;
        let mut connection = connecting.map_err(|_| Trouble::Final(too_slow()))??;
        let unknown = |why: String| Err(Trouble::Final(Error::Unknown(why)));
        let failure = match timeout_at(deadline, connection.apply(plan)).await {
            Ok(Ok(applied)) => return Ok(applied),
            Ok(Err(failure)) => Some(failure),
            Err(_) => None,
        };
        let is_open = connection.is_open;
        // Whatever state it is in, nobody else is to find it so.
        drop(Object::take(connection));
        match failure {
            Some(Failure::Malformed(why)) => Err(Trouble::Final(Error::Statement(why))),
            Some(Failure::Before(failed)) => Err(error::judge(&failed)),
            Some(Failure::Open(failed))
                if error::is_answer(&failed) && !error::is_leaving(&failed) =>
            {
                Err(error::judge(&failed))
            }
            Some(Failure::Open(failed)) => unknown(error::text(&failed)),
            Some(Failure::Warned) => unknown("the standby did not confirm it".to_owned()),
            None if is_open => unknown("PostgreSQL did not answer in time".to_owned()),
            None => Err(Trouble::Final(too_slow())),
        }
    }

    async fn connection(&self) -> Result<Object<Connections>, Trouble> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(trouble) => trouble,
            PoolError::Timeout(_) => {
                let why = "all connections to PostgreSQL are in use".to_owned();
                Trouble::Final(Error::Unavailable(why))
            }
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Trouble::Final(Error::Unavailable("the store is closed".to_owned()))
            }
        })
    }

    /// Waits for the next attempt, or gives up.
    async fn pause(
        &self,
        trouble: Trouble,
        attempt: &mut u32,
        deadline: Instant,
    ) -> Result<(), Error> {
        let next = Instant::now() + PAUSE * 2_u32.pow(*attempt);
        *attempt += 1;
        match trouble {
            Trouble::Again(_) if *attempt <= MORE_ATTEMPTS && next < deadline => {
                sleep(next - Instant::now()).await;
                Ok(())
            }
            trouble => Err(trouble.give_up()),
        }
    }
}

fn too_slow() -> Error {
    Error::Unavailable("PostgreSQL did not answer in time".to_owned())
}

/// Looks every second how far a clock is from the database's.
async fn keep_comparing(inner: Arc<Inner>, clock: Arc<dyn Clock>) {
    let mut is_off = false;
    loop {
        // Who does not answer is the other probe's to report.
        if compare(&inner, &clock).await.is_ok() {
            let ahead = inner.condition.ahead();
            let was_off = std::mem::replace(&mut is_off, ahead.abs() > WORTH_A_WORD);
            if is_off && !was_off {
                tracing::warn!(ahead, "this machine's clock is not the database's");
            }
        }
        sleep(PROBE_EVERY).await;
    }
}

/// Asks the database for the time, once.
async fn compare(inner: &Inner, clock: &Arc<dyn Clock>) -> Result<(), Error> {
    let query =
        Query::new("SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)");
    let told = inner.fetch(&query, Instant::now() + PROBE_EVERY).await?;
    if let Some([Value::Integer(there)]) = told.first().map(|row| row.0.as_slice()) {
        inner.condition.compare(Arc::clone(clock), *there);
    }
    Ok(())
}

/// Looks every second whether the store answers, and says so when that changes. It has a connection of its own:
/// what waits for one of the pool's says nothing of the server. If it fell silent, so have they.
async fn keep_looking(inner: Arc<Inner>) {
    let mut connection = None;
    for round in 0_u64.. {
        let next = Instant::now() + PROBE_EVERY;
        let met = timeout_at(next, inner.look(&mut connection)).await;
        let met = met.unwrap_or_else(|_| Err(too_slow()));
        if met.is_err() {
            connection = None;
            inner.condition.suspect_all();
        }
        let failed = met.as_ref().err().map(ToString::to_string);
        if inner.condition.note(met) {
            if let Some(error) = failed {
                tracing::error!(error, "PostgreSQL does not answer");
            } else {
                tracing::info!("PostgreSQL answers again");
            }
        }
        if round % SURVEY_EVERY == 0 && inner.address.hosts.len() > 1 {
            // A primary that took over while the one before it lives on is met by looking for it alone.
            Connection::survey(&inner.address, &inner.condition).await;
        }
        tokio::time::sleep_until(next).await;
    }
}
