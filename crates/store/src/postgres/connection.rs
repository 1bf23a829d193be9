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
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    address::Address,
    condition::{Condition, Lineage},
    error::{self, Trouble},
    many, value,
};
use crate::{error::Error, statement::Query, value::Row};

/// What every connection is set to. The deadlines are for a server that we have stopped listening to;
/// ours are shorter. A commit must wait for the standby where there is one (R1), whatever the server is set to now
/// or later; for longer than that where somebody wants it. Rows are found by index, one after the other, as SQLite finds
/// them: in a table of a thousand rows the server would rather hash all of them for each list, and looks a person
/// up for each. (What must nevertheless go through a table then looks so dear that it would be compiled.)
const SETTINGS: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SELECT set_config(name, 'off', false) FROM pg_settings \
       WHERE name IN ('enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'); \
     SET statement_timeout = '4s'; \
     SET lock_timeout = '2s'; \
     SET idle_in_transaction_session_timeout = '10s'; \
     SELECT set_config('synchronous_commit', \
       CASE current_setting('synchronous_commit') \
         WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";

/// How long a statement waits for rows that others hold, as those settings say.
pub(super) const PATIENT: &str = "2s";

/// How long one host may take until a connection to it can be used: name, TLS, password, settings. One that
/// accepts and then says nothing must not keep us from the next.
const OPENING: Duration = Duration::from_millis(1500);

/// How long a host is waited for before the next one is asked as well.
const HEAD_START: Duration = Duration::from_millis(300);

fn silent() -> Trouble {
    Trouble::Again("it accepts connections, and says nothing".to_owned())
}

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
    pub(super) warned: Arc<AtomicBool>,
    prepared: HashMap<(&'static str, Option<usize>), Prepared>,
    /// Said of a list of parameters.
    prepared_for_many: HashMap<&'static str, Option<Prepared>>,
    /// How long it waits for rows that others hold.
    waits: &'static str,
}

impl Drop for Connection {
    /// Closes the socket. Asking the server to cancel would make a commit that waits for its standby
    /// look done (RELIABILITY §2).
    fn drop(&mut self) {
        self.driving.abort();
    }
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
            prepared_for_many: HashMap::new(),
            waits: PATIENT,
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
        rows.iter().map(|row| value::row(row, 0)).collect()
    }

    /// Runs reads that have the same text as one; nothing where they cannot be.
    pub(super) async fn fetch_many(
        &mut self,
        queries: &[&Query],
    ) -> Result<Option<Vec<Vec<Row>>>, PostgresError> {
        let Some(first) = queries.first() else {
            return Ok(None);
        };
        let Some(many) = self.prepare_many(first.sql, many::read).await? else {
            return Ok(None);
        };
        let each = queries.iter().map(|query| query.parameters.as_slice());
        let Some(lists) = many::lists(each, many.params().len()) else {
            return Ok(None);
        };
        let mut answers = vec![Vec::new(); queries.len()];
        for row in self.client.query(&many, &parameters(&lists)).await? {
            if let Some(answer) = answers.get_mut(value::place(&row)?) {
                answer.push(value::row(&row, 1)?);
            }
        }
        Ok(Some(answers))
    }

    /// The statement as it is, or failing where it touches more rows than its guard says.
    pub(super) async fn prepare(
        &mut self,
        sql: &'static str,
        guard: Option<usize>,
    ) -> Result<Prepared, PostgresError> {
        if let Some(prepared) = self.prepared.get(&(sql, guard)) {
            return Ok(prepared.clone());
        }
        let prepared = match guard {
            None => self.client.prepare(sql).await?,
            Some(due) => self.client.prepare(&many::guarded(sql, due)).await?,
        };
        self.prepared.insert((sql, guard), prepared.clone());
        Ok(prepared)
    }

    /// The text that `write` makes of it for a list of parameters; nothing where it makes none, or the server does not
    /// take it.
    pub(super) async fn prepare_many(
        &mut self,
        sql: &'static str,
        write: impl FnOnce(&str, &[Type]) -> Option<String>,
    ) -> Result<Option<Prepared>, PostgresError> {
        if let Some(prepared) = self.prepared_for_many.get(sql) {
            return Ok(prepared.clone());
        }
        let single = self.prepare(sql, None).await?;
        let prepared = match write(sql, single.params()) {
            None => None,
            Some(text) => match self.client.prepare(&text).await {
                Ok(prepared) => Some(prepared),
                Err(error) if error::is_misunderstood(&error) => {
                    let why = error::text(&error);
                    tracing::warn!(why, sql, "PostgreSQL takes this for one at a time alone");
                    None
                }
                Err(error) => return Err(error),
            },
        };
        self.prepared_for_many.insert(sql, prepared.clone());
        Ok(prepared)
    }

    /// From now on statements wait for rows that others hold for so long.
    pub(super) async fn wait_for_rows(&mut self, time: &'static str) -> Result<(), PostgresError> {
        if self.waits != time {
            self.run(&format!("SET lock_timeout = '{time}'")).await?;
            self.waits = time;
        }
        Ok(())
    }

    /// For what is said on it directly.
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

pub(super) fn parameters<T: ToSql + Sync>(values: &[T]) -> Vec<&(dyn ToSql + Sync)> {
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
