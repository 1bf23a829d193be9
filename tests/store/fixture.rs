//! Values to store, and ways to look at a whole store.

use std::{any::Any, sync::Arc};

use claviger_model::{
    client::Dialect,
    directory::{User, UserName, UserState},
    grant::{
        authorization_code::AuthorizationCode,
        device::{DeviceAuthorization, DeviceState},
    },
    id::{ClientRef, CodeId, DeviceId, SessionId, UserId, WebSessionId},
    pkce::CodeChallenge,
    rotation::Rotations,
    scope::ScopeSet,
    secret::SecretBytes,
    session::{Session, SessionOrigin},
    time::Timestamp,
};
use claviger_store::{
    driver::Driver,
    repository::web_session::WebSession,
    statement::{Applied, Plan, Query, Statement},
    value::Value,
};

/// A store and whatever must live as long as it.
pub(crate) struct Opened {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) _kept: Box<dyn Any>,
}

impl Opened {
    pub(crate) fn driver(&self) -> &dyn Driver {
        self.driver.as_ref()
    }

    pub(crate) async fn apply(&self, plan: Plan) -> Applied {
        let applied = self.driver.apply(plan).await;
        applied.expect("the store can write")
    }

    /// Applies a statement that must hold.
    pub(crate) async fn hold(&self, statement: Statement) {
        self.hold_plan(Plan::of(statement)).await;
    }

    /// Applies a plan that must hold.
    pub(crate) async fn hold_plan(&self, plan: Plan) {
        let applied = self.apply(plan).await;
        assert!(applied.is_whole(), "{applied:?}");
    }

    /// Applies a statement whose guard must not hold, and shows that nothing changed.
    pub(crate) async fn refuse(&self, why: &str, statement: Statement) {
        self.refuse_plan(why, Plan::of(statement), 0).await;
    }

    /// Applies a plan that must fail at statement `at`, and shows that nothing changed.
    pub(crate) async fn refuse_plan(&self, why: &str, plan: Plan, at: usize) {
        let before = self.everything().await;
        let applied = self.apply(plan).await;
        assert_eq!(applied, Applied::Unmet { statement: at }, "{why}");
        assert_eq!(self.everything().await, before, "{why}: something was left");
    }

    /// Every row of every table, in a stable order.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for sql in TABLES {
            let rows = self.driver.fetch(Query::new(sql)).await;
            for row in rows.expect("the store can read") {
                let columns: Vec<String> = row.0.iter().map(spell).collect();
                lines.push(format!("{sql}: {}", columns.join(" | ")));
            }
        }
        lines.sort();
        lines
    }

    /// What `sql` counts.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let rows = self.driver.fetch(Query::new(sql)).await;
        match rows
            .expect("the store can read")
            .first()
            .map(|row| row.0.as_slice())
        {
            Some([Value::Integer(count)]) => *count,
            other => panic!("{sql} answered {other:?}"),
        }
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        let found = claviger_store::repository::session::with_user(self.driver(), id).await;
        found.expect("a read").expect("a session").0
    }
}

/// All but the counter of commits, which every batch raises.
const TABLES: [&str; 14] = [
    "SELECT name, value FROM meta WHERE name <> 'commit_seq'",
    "SELECT * FROM keyring",
    "SELECT * FROM users",
    "SELECT * FROM user_groups",
    "SELECT * FROM memberships",
    "SELECT * FROM accounts",
    "SELECT * FROM roles",
    "SELECT * FROM assignments",
    "SELECT * FROM web_sessions",
    "SELECT * FROM devices",
    "SELECT * FROM user_codes",
    "SELECT * FROM auth_codes",
    "SELECT * FROM sessions",
    "SELECT * FROM audit",
];

fn spell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => format!("{bytes:02x?}"),
    }
}

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_epoch_seconds(seconds)
}

/// Sixteen bytes that name one thing of a test.
pub(crate) const fn bytes(number: u8) -> [u8; 16] {
    let mut bytes = [number; 16];
    bytes[0] = 0xfe;
    bytes
}

pub(crate) const CLIENT: ClientRef = ClientRef::from_bytes([0xc1; 8]);
pub(crate) const OTHER_CLIENT: ClientRef = ClientRef::from_bytes([0xc2; 8]);

pub(crate) fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes(bytes(number)),
        name: UserName::parse(&format!("user-{number}")).expect("a name"),
        display_name: format!("User {number}"),
        email: number
            .is_multiple_of(2)
            .then(|| format!("user-{number}@example.org")),
        state: UserState::Active,
        epoch: 0,
    }
}

pub(crate) fn scopes() -> ScopeSet {
    ScopeSet::parse_joined("sso:account:access codewhisperer:completions").expect("scopes")
}

/// A session of `user(1)`, ending at 28,800.
pub(crate) fn session(number: u8) -> Session {
    Session {
        id: SessionId::from_bytes(bytes(number)),
        user_id: user(1).id,
        user_epoch: 0,
        client: CLIENT,
        client_name: "aws-cli".to_owned(),
        dialect: Dialect::Aws,
        scopes: scopes(),
        origin: SessionOrigin::Device,
        secret: SecretBytes::new([number; 32]),
        rotations: Rotations {
            generation: 1,
            generation_epoch: 1,
            used_generation: 0,
            rotated_at: [None; 4],
            rotated_network: None,
            late_answers: 0,
        },
        auth_time: at(90),
        created_at: at(100),
        idle_expires_at: at(20_000),
        absolute_expires_at: at(28_800),
        revoked_at: None,
        parent: None,
    }
}

/// A pending device of `CLIENT`, ending at 700.
pub(crate) fn device(number: u8) -> DeviceAuthorization {
    DeviceAuthorization {
        id: DeviceId::from_bytes(bytes(number)),
        client: CLIENT,
        client_name: "aws-cli".to_owned(),
        dialect: Dialect::Oauth,
        scopes: scopes(),
        requester_address: "192.0.2.1".to_owned(),
        requester_agent: Some("agent".to_owned()),
        created_at: at(100),
        expires_at: at(700),
        state: DeviceState::Pending,
    }
}

/// A code of `CLIENT` for `user(1)`, ending at 160.
pub(crate) fn code(number: u8) -> AuthorizationCode {
    AuthorizationCode {
        id: CodeId::from_bytes(bytes(number)),
        client: CLIENT,
        client_name: "aws-cli".to_owned(),
        dialect: Dialect::Aws,
        redirect_uri: "http://127.0.0.1:81/cb".to_owned(),
        challenge: CodeChallenge::parse(&"x".repeat(43)).ok(),
        scopes: scopes(),
        user_id: user(1).id,
        user_epoch: 3,
        web_session_id: WebSessionId::from_bytes(bytes(0x77)),
        auth_time: at(90),
        nonce: Some("n".to_owned()),
        expires_at: at(160),
        failures: 0,
        redeemed: None,
    }
}

/// A browser session of `user(1)`, idle end at 1,900, end at 28,900.
pub(crate) fn web_session(number: u8) -> WebSession {
    WebSession {
        id: WebSessionId::from_bytes(bytes(number)),
        user_id: user(1).id,
        user_epoch: 0,
        auth_time: at(100),
        address: "192.0.2.1".to_owned(),
        user_agent: None,
        created_at: at(100),
        idle_expires_at: at(1_900),
        absolute_expires_at: at(28_900),
        revoked_at: None,
    }
}
