//! Browsers' sign-ins.

use claviger_model::{
    directory::User,
    id::{UserId, WebSessionId},
    time::Timestamp,
};

use super::user;
use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::Columns,
};

/// A browser's sign-in as stored.
#[derive(Clone, Debug)]
pub struct WebSession {
    /// Its id.
    pub id: WebSessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The person's epoch when it began.
    pub user_epoch: i64,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// The address they signed in from.
    pub address: String,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends without a request.
    pub idle_expires_at: Timestamp,
    /// When it ends whatever happens.
    pub absolute_expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// A sign-in and its person.
pub async fn with_user(
    driver: &dyn Driver,
    id: WebSessionId,
) -> Result<Option<(WebSession, User)>, Error> {
    let query = Query::new(
        "SELECT w.uid, w.user_epoch, w.auth_time, w.address, w.user_agent, w.created_at, \
           w.idle_exp, w.abs_exp, w.revoked_at, \
           u.uid, u.name, u.display_name, u.email, u.state, u.user_epoch \
         FROM web_sessions w JOIN users u ON u.uid = w.uid WHERE w.wid = $1",
    );
    let Some(row) = driver::fetch_one(driver, query.bind(id.as_bytes())).await? else {
        return Ok(None);
    };
    let mut columns = Columns::of("web_sessions", row);
    let session = WebSession {
        id,
        user_id: UserId::from_bytes(columns.array("uid")?),
        user_epoch: columns.integer("user_epoch")?,
        auth_time: columns.time("auth_time")?,
        address: columns.text("address")?,
        user_agent: columns.text_or_null("user_agent")?,
        created_at: columns.time("created_at")?,
        idle_expires_at: columns.time("idle_exp")?,
        absolute_expires_at: columns.time("abs_exp")?,
        revoked_at: columns.time_or_null("revoked_at")?,
    };
    Ok(Some((session, user::read(&mut columns)?)))
}

/// The statement that begins a sign-in.
pub fn starting(session: &WebSession) -> Statement {
    Statement::one(
        "INSERT INTO web_sessions (wid, uid, user_epoch, auth_time, address, user_agent, \
           created_at, idle_exp, abs_exp) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(session.id.as_bytes())
    .bind(session.user_id.as_bytes())
    .bind(session.user_epoch)
    .bind(session.auth_time)
    .bind(session.address.as_str())
    .bind(session.user_agent.as_deref())
    .bind(session.created_at)
    .bind(session.idle_expires_at)
    .bind(session.absolute_expires_at)
}

/// The statement that puts the idle end off.
pub fn touching(id: WebSessionId, idle_expires_at: Timestamp) -> Statement {
    Statement::any(
        "UPDATE web_sessions SET idle_exp = $2 \
         WHERE wid = $1 AND revoked_at IS NULL AND idle_exp < $2",
    )
    .bind(id.as_bytes())
    .bind(idle_expires_at)
}

/// The statement that ends a sign-in.
pub fn ending(id: WebSessionId, now: Timestamp) -> Statement {
    Statement::one("UPDATE web_sessions SET revoked_at = $2 WHERE wid = $1 AND revoked_at IS NULL")
        .bind(id.as_bytes())
        .bind(now)
        .even_when_full()
}

/// The statement that ends all sign-ins of a person.
pub fn ending_of_user(user_id: UserId, now: Timestamp) -> Statement {
    Statement::any("UPDATE web_sessions SET revoked_at = $2 WHERE uid = $1 AND revoked_at IS NULL")
        .bind(user_id.as_bytes())
        .bind(now)
        .even_when_full()
}

/// The statement that ends all sign-ins of everybody.
pub fn ending_all(now: Timestamp) -> Statement {
    Statement::any("UPDATE web_sessions SET revoked_at = $1 WHERE revoked_at IS NULL")
        .bind(now)
        .even_when_full()
}
