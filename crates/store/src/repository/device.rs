//! Device authorizations. A state change is one guarded statement: of any number of racers
//! exactly one touches the row.

use claviger_model::{
    client::Dialect,
    grant::device::{Decision, DeviceAuthorization, DeviceState},
    id::{ClientRef, DeviceId, SessionId, UserId},
    scope::ScopeSet,
    time::Timestamp,
};

use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Plan, Query, Statement},
    value::{Columns, Row},
};

const BY_ID: &str = "SELECT did, cref, client_name, dialect, scopes, req_address, req_agent, created_at, exp, \
     state, decided_by, decided_at, decided_auth, decided_epoch, sid, redeemed_at \
     FROM devices WHERE did = $1";

const BY_USER_CODE: &str = "SELECT d.did, d.cref, d.client_name, d.dialect, d.scopes, d.req_address, d.req_agent, \
       d.created_at, d.exp, d.state, d.decided_by, d.decided_at, d.decided_auth, \
       d.decided_epoch, d.sid, d.redeemed_at \
     FROM user_codes c JOIN devices d ON d.did = c.did WHERE c.uc_mac = $1";

/// The authorization of an id.
pub async fn by_id(
    driver: &dyn Driver,
    id: DeviceId,
) -> Result<Option<DeviceAuthorization>, Error> {
    let row = driver::fetch_one(driver, Query::new(BY_ID).bind(id.as_bytes())).await?;
    row.map(read).transpose()
}

/// The authorization behind a user code, given as its MAC.
pub async fn by_user_code(
    driver: &dyn Driver,
    mac: &[u8; 16],
) -> Result<Option<DeviceAuthorization>, Error> {
    let row = driver::fetch_one(driver, Query::new(BY_USER_CODE).bind(mac)).await?;
    row.map(read).transpose()
}

fn read(row: Row) -> Result<DeviceAuthorization, Error> {
    let mut columns = Columns::of("devices", row);
    let id = DeviceId::from_bytes(columns.array("did")?);
    let client = ClientRef::from_bytes(columns.array("cref")?);
    let client_name = columns.text("client_name")?;
    let dialect = read_dialect(&mut columns)?;
    let scopes = read_scopes(&mut columns)?;
    Ok(DeviceAuthorization {
        id,
        client,
        client_name,
        dialect,
        scopes,
        requester_address: columns.text("req_address")?,
        requester_agent: columns.text_or_null("req_agent")?,
        created_at: columns.time("created_at")?,
        expires_at: columns.time("exp")?,
        state: read_state(&mut columns)?,
    })
}

fn read_state(columns: &mut Columns) -> Result<DeviceState, Error> {
    let state = columns.text("state")?;
    if state == "pending" {
        return Ok(DeviceState::Pending);
    }
    let decision = Decision {
        user_id: UserId::from_bytes(columns.array("decided_by")?),
        at: columns.time("decided_at")?,
        auth_time: columns.time("decided_auth")?,
        user_epoch: columns.integer("decided_epoch")?,
    };
    match state.as_str() {
        "approved" => Ok(DeviceState::Approved(decision)),
        "denied" => Ok(DeviceState::Denied(decision)),
        "redeemed" => Ok(DeviceState::Redeemed {
            approved: decision,
            session_id: SessionId::from_bytes(columns.array("sid")?),
            at: columns.time("redeemed_at")?,
        }),
        _ => Err(columns.impossible("state", "no state of a device")),
    }
}

/// Reads a `dialect` column.
pub(crate) fn read_dialect(columns: &mut Columns) -> Result<Dialect, Error> {
    match columns.text("dialect")?.as_str() {
        "aws" => Ok(Dialect::Aws),
        "oauth" => Ok(Dialect::Oauth),
        _ => Err(columns.impossible("dialect", "no dialect")),
    }
}

/// The spelling of a dialect in rows.
pub(crate) const fn dialect_text(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Aws => "aws",
        Dialect::Oauth => "oauth",
    }
}

/// Reads a `scopes` column.
pub(crate) fn read_scopes(columns: &mut Columns) -> Result<ScopeSet, Error> {
    let text = columns.text("scopes")?;
    ScopeSet::parse_joined(&text).map_err(|error| columns.impossible("scopes", error))
}

/// The plan that starts an authorization under a user code; refused when a live one has the code.
pub fn starting(device: &DeviceAuthorization, user_code_mac: &[u8; 16]) -> Plan {
    let insert = Statement::one(
        "INSERT INTO devices (did, cref, client_name, dialect, scopes, req_address, req_agent, \
           state, created_at, exp) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9)",
    )
    .bind(device.id.as_bytes())
    .bind(device.client.as_bytes())
    .bind(device.client_name.as_str())
    .bind(dialect_text(device.dialect))
    .bind(device.scopes.join())
    .bind(device.requester_address.as_str())
    .bind(device.requester_agent.as_deref())
    .bind(device.created_at)
    .bind(device.expires_at);
    let code = Statement::one(
        "INSERT INTO user_codes (uc_mac, did, exp) VALUES ($1, $2, $3) \
         ON CONFLICT (uc_mac) DO UPDATE SET did = $2, exp = $3 WHERE user_codes.exp <= $4",
    )
    .bind(user_code_mac)
    .bind(device.id.as_bytes())
    .bind(device.expires_at)
    .bind(device.created_at);
    Plan::of(code).then(insert)
}

/// What a person's answer turns a device into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// pending → approved.
    Approved,
    /// pending → denied, or the same person's approved → denied.
    Denied,
}

/// The statement that writes a decision, guarded by the state it may follow.
pub fn deciding(id: DeviceId, outcome: Outcome, decision: Decision, now: Timestamp) -> Statement {
    let statement = Statement::one(match outcome {
        Outcome::Approved => {
            "UPDATE devices SET state = 'approved', decided_by = $2, decided_at = $3, \
               decided_auth = $4, decided_epoch = $5 \
             WHERE did = $1 AND state = 'pending' AND exp > $6"
        }
        Outcome::Denied => {
            "UPDATE devices SET state = 'denied', decided_by = $2, decided_at = $3, \
               decided_auth = $4, decided_epoch = $5 \
             WHERE did = $1 AND exp > $6 AND \
               (state = 'pending' OR (state = 'approved' AND decided_by = $2))"
        }
    });
    statement
        .bind(id.as_bytes())
        .bind(decision.user_id.as_bytes())
        .bind(decision.at)
        .bind(decision.auth_time)
        .bind(decision.user_epoch)
        .bind(now)
}

/// The statement that gives an approved device less than it asked for.
pub fn confining(id: DeviceId, scopes: &ScopeSet) -> Statement {
    Statement::one("UPDATE devices SET scopes = $2 WHERE did = $1 AND state = 'approved'")
        .bind(id.as_bytes())
        .bind(scopes.join())
}

/// The statement that spends an approval on a session: approved → redeemed, once.
pub fn redeeming(
    id: DeviceId,
    client: ClientRef,
    session_id: SessionId,
    now: Timestamp,
) -> Statement {
    Statement::one(
        "UPDATE devices SET state = 'redeemed', sid = $3, redeemed_at = $4 \
         WHERE did = $1 AND cref = $2 AND state = 'approved' AND exp > $4",
    )
    .bind(id.as_bytes())
    .bind(client.as_bytes())
    .bind(session_id.as_bytes())
    .bind(now)
}
