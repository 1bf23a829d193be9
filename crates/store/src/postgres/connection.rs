//! One connection: opened with the production settings, and what runs on it.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::AbortHandle,
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection as Wire, Error as PostgresError, SimpleQueryMessage,
    Statement as Prepared,
    error::{Severity, SqlState},
    types::ToSql,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    address::Address,
    condition::{Condition, Lineage},
    error::{self, Trouble},
    value,
};
use crate::{
    error::Error,
    statement::{Applied, Plan, Query, Rows, Statement},
    value::{Row, Value},
};

/// What every connection is set to. The deadlines are for a server that we have stopped listening to;
/// ours are shorter. A commit must wait for the standby where there is one (R1), whatever the server is set to now
/// or later; for longer than that where somebody wants it.
const SETTINGS: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET statement_timeout = '4s'; \
     SET lock_timeout = '2s'; \
     SET idle_in_transaction_session_timeout = '10s'; \
     SELECT set_config('synchronous_commit', \
       CASE current_setting('synchronous_commit') \
         WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";

/// How long one host may take until a connection to it can be used: name, TLS, password, settings. One that
/// accepts and then says nothing must not keep us from the next.
const OPENING: Duration = Duration::from_millis(1500);

/// How long a host is waited for before the next one is asked as well.
const HEAD_START: Duration = Duration::from_millis(300);

fn silent() -> Trouble {
    Trouble::Again("it accepts connections, and says nothing".to_owned())
}

/// Statements of one plan that are on their way at once.
const AT_ONCE: usize = 16;

/// A connection of the pool. Letting it go closes it, in whatever it is.
pub(super) struct Connection {
    client: Client,
    driving: AbortHandle,
    /// How often connections had been suspected when it was made.
    pub(super) suspicion: u64,
    /// Its server.
    lineage: Lineage,
    /// Whether what was sent last can have been kept, whatever comes of it.
    pub(super) is_open: bool,
    /// Whether the server has warned since it was last asked.
    warned: Arc<AtomicBool>,
    prepared: HashMap<(&'static str, Option<usize>), Prepared>,
}

impl Drop for Connection {
    /// Closes the socket. Asking the server to cancel would make a commit that waits for its standby
    /// look done (RELIABILITY §2).
    fn drop(&mut self) {
        self.driving.abort();
    }
}

/// Why a plan was not applied.
pub(super) enum Failure {
    /// It was not even sent: a bug of ours.
    Malformed(String),
    /// It failed before anything could be kept.
    Before(PostgresError),
    /// It failed when it may have been kept.
    Open(PostgresError),
    /// It is kept, but perhaps by this server alone.
    Warned,
}

impl Connection {
    /// Connects to the primary: to the first host that is one, beginning with the one that was before.
    pub(super) async fn open(address: &Address, condition: &Condition) -> Result<Self, Trouble> {
        let (count, first) = (address.hosts.len(), condition.host());
        let mut hosts = (0..count).map(|step| (first + step) % count);
        let (mut opening, mut told) = (FuturesUnordered::new(), Vec::new());
        loop {
            if let Some(host) = hosts.next() {
                let opened = Self::open_host(address, host, condition);
                opening.push(async move { (host, opened.await) });
            }
            match timeout(HEAD_START, opening.next()).await {
                Ok(Some((host, Ok(connection)))) => {
                    condition.set_host(host);
                    return Ok(connection);
                }
                Ok(Some((_, Err(trouble)))) => told.push(trouble),
                Ok(None) => break,
                // The next one is asked as well.
                Err(_) => {}
            }
        }
        // Whoever lets nobody in needs an operator; all others may come back.
        let is_final = told
            .iter()
            .any(|trouble| matches!(trouble, Trouble::Final(_)));
        let reasons: Vec<String> = told.into_iter().map(Trouble::reason).collect();
        let reasons = reasons.join("; ");
        Err(if is_final {
            Trouble::Final(Error::Unavailable(reasons))
        } else {
            Trouble::Again(reasons)
        })
    }

    /// Looks at every host once, so that one that was replaced is known before it is written to.
    pub(super) async fn survey(address: &Address, condition: &Condition) {
        let hosts = 0..address.hosts.len();
        let opening = hosts.map(|host| Self::open_host(address, host, condition));
        for (host, opened) in join_all(opening).await.into_iter().enumerate() {
            // Who does not answer now is met again when it is needed.
            if opened.is_ok_and(|connection| connection.lineage == condition.lineage()) {
                condition.set_host(host);
            }
        }
    }

    /// A connection to one host, in good time or not at all.
    async fn open_host(
        address: &Address,
        host: usize,
        condition: &Condition,
    ) -> Result<Self, Trouble> {
        let Some(config) = address.hosts.get(host) else {
            return Err(silent());
        };
        let opening = Self::open_one(config, address.tls.clone(), condition);
        let opened = timeout(OPENING, opening).await;
        opened.unwrap_or_else(|_| Err(silent()))
    }

    async fn open_one(
        config: &Config,
        tls: MakeRustlsConnect,
        condition: &Condition,
    ) -> Result<Self, Trouble> {
        let suspicion = condition.suspicion();
        let connecting = config.connect(tls);
        let (client, wire) = connecting.await.map_err(|error| lost(&error))?;
        let warned = Arc::<AtomicBool>::default();
        let driving = tokio::spawn(drive(wire, Arc::clone(&warned)));
        let mut connection = Self {
            client,
            driving: driving.abort_handle(),
            suspicion,
            lineage: Lineage::default(),
            is_open: false,
            warned,
            prepared: HashMap::new(),
        };
        let set = connection.client.batch_execute(SETTINGS).await;
        set.map_err(|error| lost(&error))?;
        connection.lineage.system = connection.system().await?;
        connection.look_at_server(condition).await?;
        Ok(connection)
    }

    /// The texts of the first two columns of the only row, there and back once.
    async fn ask(&self, sql: &str) -> Result<[String; 2], PostgresError> {
        let messages = self.client.simple_query(sql).await?;
        let mut columns = [String::new(), String::new()];
        for message in &messages {
            if let SimpleQueryMessage::Row(row) = message {
                for (position, column) in columns.iter_mut().enumerate().take(row.len()) {
                    row.get(position).unwrap_or_default().clone_into(column);
                }
            }
        }
        Ok(columns)
    }

    /// What the server's cluster was given when it was made; zero where it does not tell.
    async fn system(&self) -> Result<i64, Trouble> {
        let sql = "SELECT system_identifier FROM pg_control_system()";
        match self.ask(sql).await {
            Ok([system, _]) => Ok(system.parse().unwrap_or_default()),
            Err(error) if error::is_answer(&error) => Ok(0),
            Err(error) => Err(lost(&error)),
        }
    }

    /// A server below the highest timeline was replaced, and has come back as if nothing had happened.
    pub(super) async fn look_at_server(&mut self, condition: &Condition) -> Result<(), Trouble> {
        let sql = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
                     current_setting('synchronous_standby_names')";
        let [file, standbys] = match self.ask(sql).await {
            Ok(columns) => columns,
            // Databases that only speak the protocol keep their own replicas.
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_FUNCTION) => return Ok(()),
            Err(error) => return Err(lost(&error)),
        };
        let timeline = u32::from_str_radix(&file, 16).unwrap_or(0);
        self.lineage.timeline = timeline;
        condition.admit(self.lineage).map_err(Trouble::Again)?;
        let asynchronous = standbys.is_empty();
        if condition.set_asynchronous(asynchronous)
            && let Some(caution) = condition.caution()
        {
            tracing::warn!("{caution}");
        }
        Ok(())
    }

    /// Whether it can be used again.
    pub(super) fn is_fit(&self, condition: &Condition) -> bool {
        !self.client.is_closed()
            && self.suspicion == condition.suspicion()
            // Another primary has been seen since: this one was replaced.
            && self.lineage == condition.lineage()
    }

    /// Runs a read to its end.
    pub(super) async fn fetch(&mut self, query: &Query) -> Result<Vec<Row>, PostgresError> {
        let prepared = self.prepare(query.sql, None).await?;
        let rows = self
            .client
            .query(&prepared, &parameters(&query.parameters))
            .await?;
        rows.iter().map(value::row).collect()
    }

    /// Applies a plan whole or not at all.
    pub(super) async fn apply(&mut self, plan: &Plan) -> Result<Applied, Failure> {
        self.warned.store(false, Ordering::Release);
        self.is_open = false;
        let applied = match plan.0.as_slice() {
            [] => return Ok(Applied::Whole { changed: 0 }),
            [only] => self.apply_one(only).await?,
            several => self.apply_several(several).await?,
        };
        if applied.is_whole() && self.warned.load(Ordering::Acquire) {
            return Err(Failure::Warned);
        }
        Ok(applied)
    }

    /// One statement is a transaction by itself: it goes there and back once.
    async fn apply_one(&mut self, statement: &Statement) -> Result<Applied, Failure> {
        let guard = match statement.must_change {
            Rows::Any => None,
            Rows::Exactly(rows) => Some(rows),
        };
        let prepared = self
            .prepare(statement.sql, guard)
            .await
            .map_err(Failure::Before)?;
        check(&prepared, statement)?;
        self.is_open = true;
        let parameters = parameters(&statement.parameters);
        let Some(due) = guard else {
            let changed = self.client.execute(&prepared, &parameters).await;
            let changed = changed.map_err(Failure::Open)?;
            return Ok(Applied::Whole {
                changed: count(changed),
            });
        };
        match self.client.query_one(&prepared, &parameters).await {
            Ok(row) => {
                let changed: i64 = row.try_get(0).map_err(Failure::Open)?;
                Ok(if usize::try_from(changed) == Ok(due) {
                    Applied::Whole { changed: due }
                } else {
                    Applied::Unmet { statement: 0 }
                })
            }
            Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                Ok(Applied::Unmet { statement: 0 })
            }
            Err(error) => Err(Failure::Open(error)),
        }
    }

    /// Several go there together, and the end of the transaction when their guards are known to hold.
    async fn apply_several(&mut self, statements: &[Statement]) -> Result<Applied, Failure> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            let ready = self.prepare(statement.sql, None).await;
            let ready = ready.map_err(Failure::Before)?;
            check(&ready, statement)?;
            prepared.push(ready);
        }
        let client = &self.client;
        client
            .batch_execute("BEGIN")
            .await
            .map_err(Failure::Before)?;
        let (mut last, mut position) = (0, 0);
        let steps: Vec<_> = statements.iter().zip(&prepared).collect();
        for some in steps.chunks(AT_ONCE) {
            let sent = some.iter().map(|(statement, prepared)| async move {
                let parameters = parameters(&statement.parameters);
                client.execute(*prepared, &parameters).await
            });
            for (changed, (statement, _)) in join_all(sent).await.into_iter().zip(some) {
                last = match changed {
                    Ok(changed) => count(changed),
                    Err(error) => {
                        self.roll_back().await?;
                        return Err(Failure::Before(error));
                    }
                };
                if matches!(statement.must_change, Rows::Exactly(due) if due != last) {
                    self.roll_back().await?;
                    return Ok(Applied::Unmet {
                        statement: position,
                    });
                }
                position += 1;
            }
        }
        self.is_open = true;
        let committed = self.client.batch_execute("COMMIT").await;
        committed.map_err(Failure::Open)?;
        Ok(Applied::Whole { changed: last })
    }

    async fn roll_back(&self) -> Result<(), Failure> {
        let rolled_back = self.client.batch_execute("ROLLBACK").await;
        rolled_back.map_err(Failure::Before)
    }

    async fn prepare(
        &mut self,
        sql: &'static str,
        guard: Option<usize>,
    ) -> Result<Prepared, PostgresError> {
        if let Some(prepared) = self.prepared.get(&(sql, guard)) {
            return Ok(prepared.clone());
        }
        let prepared = match guard {
            None => self.client.prepare(sql).await?,
            Some(due) => self.client.prepare(&guarded(sql, due)).await?,
        };
        self.prepared.insert((sql, guard), prepared.clone());
        Ok(prepared)
    }

    /// For what is no plan.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Runs what is to be kept; `false` where it may be kept by this server alone.
    pub(super) async fn run_kept(&self, sql: &str) -> Result<bool, PostgresError> {
        self.warned.store(false, Ordering::Release);
        self.run(sql).await?;
        Ok(!self.warned.load(Ordering::Acquire))
    }

    /// Runs statements of ours that take no parameters, such as a migration.
    pub(super) async fn run(&self, sql: &str) -> Result<(), PostgresError> {
        self.client.batch_execute(sql).await
    }
}

/// A write that counts the rows it touched, and that fails whole where they are more than they must be:
/// fewer can be told afterwards, for what did not happen need not be undone.
fn guarded(sql: &str, due: usize) -> String {
    format!(
        "WITH changed AS ({sql} RETURNING 1) \
         SELECT count(*) / CASE WHEN count(*) > {due} THEN 0 ELSE 1 END FROM changed"
    )
}

/// Refuses what could not be sent as it is.
fn check(prepared: &Prepared, statement: &Statement) -> Result<(), Failure> {
    let (types, values) = (prepared.params(), &statement.parameters);
    if types.len() != values.len() {
        let (due, given) = (types.len(), values.len());
        let why = format!("{given} parameters where {due} belong");
        return Err(Failure::Malformed(why));
    }
    let mut wrong = types
        .iter()
        .zip(values)
        .filter(|(ty, value)| !value::fits(value, ty));
    match wrong.next() {
        // Kinds only: parameters hold secrets.
        Some((ty, value)) => Err(Failure::Malformed(format!("{value:?} where {ty} belongs"))),
        None => Ok(()),
    }
}

pub(super) fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

pub(super) fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

fn lost(error: &PostgresError) -> Trouble {
    match error.as_db_error().map(|answer| answer.code().code()) {
        // Wrong password, no such user, no such database: an operator must look.
        Some(code) if code.starts_with("28") || code.starts_with("3D") => {
            Trouble::Final(Error::Unavailable(error::text(error)))
        }
        _ => Trouble::Again(error::text(error)),
    }
}

/// Moves bytes until the connection ends, and listens to what the server says besides.
async fn drive<S, T>(mut wire: Wire<S, T>, warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| wire.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                if notice.parsed_severity() == Some(Severity::Warning) {
                    warned.store(true, Ordering::Release);
                    tracing::warn!(
                        code = notice.code().code(),
                        "PostgreSQL warns: {}",
                        notice.message()
                    );
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(
                    error = error::text(&error),
                    "a connection to PostgreSQL ended"
                );
                return;
            }
        }
    }
}
