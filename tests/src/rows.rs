//! Looking at rows. Reads go past the switch, so that a test sees the truth while the store is
//! "away".

use std::sync::{Arc, mpsc::channel};

use crate::{background::runtime, scan};
use claviger_model::{id::SessionId, time::Timestamp};
use claviger_store::{
    driver::Driver,
    repository::{
        audit::{self, Entry},
        session,
    },
    statement::Query,
    value::{Row, Value},
};

/// A view of one store's rows.
pub struct Rows(Arc<dyn Driver>);

/// Waits for a read where the caller stands, on a runtime that the caller does not hold up.
fn wait<T: Send + 'static>(read: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = channel();
    runtime().spawn(async move { sender.send(read.await) });
    receiver.recv().expect("a read that ends")
}

impl Rows {
    /// The rows of `driver`.
    pub fn of(driver: Arc<dyn Driver>) -> Self {
        Self(driver)
    }

    /// What a query answers.
    pub fn query(&self, query: Query) -> Vec<Row> {
        let driver = Arc::clone(&self.0);
        let rows = wait(async move { driver.fetch(query).await });
        rows.expect("the store can be read")
    }

    /// How many rows `sql`, a `SELECT count(*) …`, counts.
    pub fn count(&self, sql: &'static str) -> i64 {
        match self
            .query(Query::new(sql))
            .first()
            .map(|row| row.0.as_slice())
        {
            Some([Value::Integer(count)]) => *count,
            other => panic!("{sql} must count, but answered {other:?}"),
        }
    }

    /// Sessions in any state.
    pub fn sessions(&self) -> i64 {
        self.count("SELECT count(*) FROM sessions")
    }

    /// Sessions that nobody has ended.
    pub fn live_sessions(&self) -> i64 {
        self.count("SELECT count(*) FROM sessions WHERE revoked_at IS NULL")
    }

    /// Device authorizations in any state.
    pub fn devices(&self) -> i64 {
        self.count("SELECT count(*) FROM devices")
    }

    /// Authorization codes in any state.
    pub fn codes(&self) -> i64 {
        self.count("SELECT count(*) FROM auth_codes")
    }

    /// The failures of the only authorization code.
    pub fn code_failures(&self) -> i64 {
        self.count("SELECT fails FROM auth_codes")
    }

    /// Browser sessions in any state.
    pub fn web_sessions(&self) -> i64 {
        self.count("SELECT count(*) FROM web_sessions")
    }

    /// The state of the only device authorization.
    pub fn device_state(&self) -> String {
        self.only_text("SELECT state FROM devices")
    }

    /// The generation of the only session.
    pub fn generation(&self) -> i64 {
        self.count("SELECT gen FROM sessions")
    }

    /// Why the only session ended; empty while it has not.
    pub fn end_reason(&self) -> String {
        self.only_text("SELECT coalesce(end_reason, '') FROM sessions")
    }

    /// The one text that `sql` answers.
    pub fn only_text(&self, sql: &'static str) -> String {
        let rows = self.query(Query::new(sql));
        match rows.as_slice() {
            [Row(columns)] => match columns.as_slice() {
                [Value::Text(text)] => text.clone(),
                other => panic!("{sql} must answer one text, but answered {other:?}"),
            },
            other => panic!("{sql} must answer one row, but answered {}", other.len()),
        }
    }

    /// A session as the engine reads it.
    pub fn session(&self, id: SessionId) -> Option<claviger_model::session::Session> {
        let driver = Arc::clone(&self.0);
        let found = wait(async move { session::with_user(driver.as_ref(), id).await });
        found.expect("a sound row").map(|(session, _)| session)
    }

    /// The audit log, oldest first.
    pub fn audit(&self) -> Vec<Entry> {
        let since = Timestamp::from_epoch_seconds(0);
        let driver = Arc::clone(&self.0);
        let read = wait(async move { audit::latest(driver.as_ref(), since, 100_000).await });
        read.expect("sound records")
    }

    /// The actions of the audit log, oldest first, without those of setting up.
    pub fn actions(&self) -> Vec<String> {
        let set_up = ["directory.apply", "user.set_password"];
        let records = self.audit().into_iter().map(|entry| entry.action);
        records
            .filter(|action| !set_up.contains(&action.as_str()))
            .collect()
    }

    /// How often `action` was recorded.
    pub fn recorded(&self, action: &str) -> usize {
        self.audit()
            .iter()
            .filter(|entry| entry.action == action)
            .count()
    }

    /// Everything in every table, spelled out and sorted: equal before and after means that
    /// nothing was written.
    pub fn everything(&self) -> Vec<String> {
        let tables = TABLES.iter().flat_map(|(table, sql)| {
            let rows = self.query(Query::new(sql));
            rows.into_iter()
                .map(move |row| format!("{table} {}", spell(&row)))
        });
        let mut lines: Vec<String> = tables.collect();
        lines.sort();
        lines
    }
}

/// Every table that requests and operators can change; `throttle` counts attempts, which is no state of theirs.
const TABLES: [(&str, &str); 15] = [
    ("users", "SELECT * FROM users"),
    ("web_sessions", "SELECT * FROM web_sessions"),
    ("devices", "SELECT * FROM devices"),
    ("user_codes", "SELECT * FROM user_codes"),
    ("auth_codes", "SELECT * FROM auth_codes"),
    ("sessions", "SELECT * FROM sessions"),
    ("audit", "SELECT * FROM audit"),
    ("denied_clients", "SELECT * FROM denied_clients"),
    ("keyring", "SELECT * FROM keyring"),
    ("user_groups", "SELECT * FROM user_groups"),
    ("memberships", "SELECT * FROM memberships"),
    ("accounts", "SELECT * FROM accounts"),
    ("roles", "SELECT * FROM roles"),
    ("assignments", "SELECT * FROM assignments"),
    ("meta", "SELECT * FROM meta WHERE name <> 'commit_seq'"),
];

fn spell(row: &Row) -> String {
    let column = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => scan::hex(bytes),
    };
    row.0.iter().map(column).collect::<Vec<_>>().join(" | ")
}
