//! Sessions. Rotation is one guarded UPDATE: of any number of racers exactly one touches the row,
//! and the others read again and converge.

use claviger_model::{
    directory::{User, UserName},
    id::{ClientRef, SessionId, UserId},
    rotation::{NetworkTag, Rotations},
    secret::SecretBytes,
    session::{EndReason, Parent, Session, SessionOrigin},
    time::Timestamp,
};

use super::{
    device::{dialect_text, read_dialect, read_scopes},
    user,
};
use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

macro_rules! session_columns {
    () => {
        "s.sid, s.uid, s.user_epoch, s.cref, s.client_name, s.dialect, s.scopes, s.origin, \
         s.secret, s.gen, s.gen_epoch, s.used_gen, s.rot_at1, s.rot_at2, s.rot_at3, s.rot_at4, \
         s.rot_net, s.late_answers, s.auth_time, s.created_at, s.idle_exp, s.abs_exp, s.revoked_at, \
         s.parent, p.idle_exp, p.abs_exp, p.revoked_at"
    };
}

/// A session and its person: the one read of every refresh and portal call.
pub async fn with_user(
    driver: &dyn Driver,
    id: SessionId,
) -> Result<Option<(Session, User)>, Error> {
    let query = Query::new(concat!(
        "SELECT ",
        session_columns!(),
        ", u.uid, u.name, u.display_name, u.email, u.state, u.user_epoch \
         FROM sessions s JOIN users u ON u.uid = s.uid \
         LEFT JOIN sessions p ON p.sid = s.parent WHERE s.sid = $1"
    ));
    let Some(row) = driver::fetch_one(driver, query.bind(id.as_bytes())).await? else {
        return Ok(None);
    };
    let mut columns = Columns::of("sessions", row);
    let session = read(&mut columns)?;
    Ok(Some((session, user::read(&mut columns)?)))
}

/// How many sessions the person has, those that ended and are not deleted yet among them. It reads an index alone.
pub async fn count_of_user(driver: &dyn Driver, user_id: UserId) -> Result<u64, Error> {
    let query = Query::new("SELECT count(*) FROM sessions WHERE uid = $1").bind(user_id.as_bytes());
    let row = driver::fetch_one(driver, query).await?;
    row.map_or(Ok(0), |row| Columns::of("sessions", row).small("count"))
}

/// The person's live sessions, newest first.
pub async fn live_of_user(
    driver: &dyn Driver,
    user_id: UserId,
    now: Timestamp,
) -> Result<Vec<Session>, Error> {
    let query = Query::new(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s JOIN users u ON u.uid = s.uid AND u.user_epoch = s.user_epoch \
         LEFT JOIN sessions p ON p.sid = s.parent \
         WHERE s.uid = $1 AND s.revoked_at IS NULL AND s.idle_exp > $2 AND s.abs_exp > $2 \
         ORDER BY s.created_at DESC, s.sid"
    ));
    let rows = driver
        .fetch(query.bind(user_id.as_bytes()).bind(now))
        .await?;
    let sessions: Result<Vec<_>, Error> = rows
        .into_iter()
        .map(|row: Row| read(&mut Columns::of("sessions", row)))
        .collect();
    let mut sessions = sessions?;
    sessions.retain(|session| session.is_live(now));
    Ok(sessions)
}

/// Live sessions of everybody with the person's name, newest first, at most `limit`.
pub async fn live(
    driver: &dyn Driver,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(UserName, Session)>, Error> {
    let query = Query::new(concat!(
        "SELECT ",
        session_columns!(),
        ", u.name FROM sessions s JOIN users u ON u.uid = s.uid AND u.user_epoch = s.user_epoch \
         LEFT JOIN sessions p ON p.sid = s.parent \
         WHERE s.revoked_at IS NULL AND s.idle_exp > $1 AND s.abs_exp > $1 \
         ORDER BY s.created_at DESC, s.sid LIMIT $2"
    ));
    let read_one = |row: Row| {
        let mut columns = Columns::of("sessions", row);
        let session = read(&mut columns)?;
        let name = columns.text("name")?;
        let name = UserName::parse(&name).map_err(|error| columns.impossible("name", error))?;
        Ok((name, session))
    };
    let rows = driver.fetch(query.bind(now).bind(limit)).await?;
    let sessions: Result<Vec<_>, Error> = rows.into_iter().map(read_one).collect();
    let mut sessions = sessions?;
    sessions.retain(|(_, session)| session.is_live(now));
    Ok(sessions)
}

fn read(columns: &mut Columns) -> Result<Session, Error> {
    let id = SessionId::from_bytes(columns.array("sid")?);
    let user_id = UserId::from_bytes(columns.array("uid")?);
    let user_epoch = columns.integer("user_epoch")?;
    let client = ClientRef::from_bytes(columns.array("cref")?);
    let client_name = columns.text("client_name")?;
    let dialect = read_dialect(columns)?;
    let scopes = read_scopes(columns)?;
    let origin = columns.text("origin")?;
    let origin = SessionOrigin::parse(&origin)
        .ok_or_else(|| columns.impossible("origin", "no origin of a session"))?;
    Ok(Session {
        id,
        user_id,
        user_epoch,
        client,
        client_name,
        dialect,
        scopes,
        origin,
        secret: SecretBytes::new(columns.array("secret")?),
        rotations: read_rotations(columns)?,
        auth_time: columns.time("auth_time")?,
        created_at: columns.time("created_at")?,
        idle_expires_at: columns.time("idle_exp")?,
        absolute_expires_at: columns.time("abs_exp")?,
        revoked_at: columns.time_or_null("revoked_at")?,
        parent: read_parent(columns)?,
    })
}

/// The session it was made from. One that was ended, or deleted long after its end, ends it too.
fn read_parent(columns: &mut Columns) -> Result<Option<Parent>, Error> {
    let id = columns.array_or_null("parent")?.map(SessionId::from_bytes);
    let idle_expires_at = columns.time_or_null("idle_exp")?;
    let absolute_expires_at = columns.time_or_null("abs_exp")?;
    let revoked_at = columns.time_or_null("revoked_at")?;
    let ends_at = idle_expires_at.min(absolute_expires_at);
    Ok(id.map(|id| Parent {
        id,
        ends_at: ends_at.filter(|_| revoked_at.is_none()),
    }))
}

fn read_rotations(columns: &mut Columns) -> Result<Rotations, Error> {
    Ok(Rotations {
        generation: columns.small("gen")?,
        generation_epoch: columns.small("gen_epoch")?,
        used_generation: columns.small("used_gen")?,
        rotated_at: [
            columns.time_or_null("rot_at1")?,
            columns.time_or_null("rot_at2")?,
            columns.time_or_null("rot_at3")?,
            columns.time_or_null("rot_at4")?,
        ],
        rotated_network: columns.array_or_null("rot_net")?,
        late_answers: columns.small("late_answers")?,
    })
}

/// The statement that begins a session.
pub fn starting(session: &Session) -> Statement {
    Statement::one(
        "INSERT INTO sessions (sid, uid, user_epoch, cref, client_name, dialect, scopes, origin, \
           secret, gen, gen_epoch, used_gen, late_answers, auth_time, created_at, idle_exp, abs_exp, \
           parent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(session.id.as_bytes())
    .bind(session.user_id.as_bytes())
    .bind(session.user_epoch)
    .bind(session.client.as_bytes())
    .bind(session.client_name.as_str())
    .bind(dialect_text(session.dialect))
    .bind(session.scopes.join())
    .bind(session.origin.as_str())
    .bind(session.secret.reveal())
    .bind(session.rotations.generation)
    .bind(session.rotations.generation_epoch)
    .bind(session.rotations.used_generation)
    .bind(session.rotations.late_answers)
    .bind(session.auth_time)
    .bind(session.created_at)
    .bind(session.idle_expires_at)
    .bind(session.absolute_expires_at)
    .bind(session.parent.map(|parent| parent.id.as_bytes().to_vec()))
}

/// The statement that refuses its plan when the session has ended: a child must not begin then.
pub fn being_live(id: SessionId, now: Timestamp) -> Statement {
    Statement::one(
        "UPDATE sessions SET used_gen = used_gen \
         WHERE sid = $1 AND revoked_at IS NULL AND idle_exp > $2 AND abs_exp > $2",
    )
    .bind(id.as_bytes())
    .bind(now)
}

/// What a rotation writes.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The generation that must still be current.
    pub from: u32,
    /// The generation to write.
    pub to: u32,
    /// The key epoch of its refresh token.
    pub epoch: u8,
    /// Where it was asked from.
    pub network: NetworkTag,
    /// When the session ends unless refreshed again.
    pub idle_expires_at: Timestamp,
}

/// The statement that rotates: it repeats everything that made the judgement true.
pub fn rotating(session: &Session, rotation: &Rotation, now: Timestamp) -> Statement {
    Statement::one(
        "UPDATE sessions SET gen = $3, gen_epoch = $4, rot_net = $5, rot_at4 = rot_at3, \
           rot_at3 = rot_at2, rot_at2 = rot_at1, rot_at1 = $6, idle_exp = $7 \
         WHERE sid = $1 AND gen = $2 AND revoked_at IS NULL AND idle_exp > $6 AND abs_exp > $6 \
           AND $8 = (SELECT u.user_epoch FROM users u WHERE u.uid = sessions.uid)",
    )
    .bind(session.id.as_bytes())
    .bind(rotation.from)
    .bind(rotation.to)
    .bind(rotation.epoch)
    .bind(&rotation.network)
    .bind(now)
    .bind(rotation.idle_expires_at)
    .bind(session.user_epoch)
}

/// The statement that counts a lost-answer retry of the current generation.
pub fn counting_late_answer(session: &Session) -> Statement {
    Statement::one(
        "UPDATE sessions SET late_answers = late_answers + 1 \
         WHERE sid = $1 AND gen = $2 AND late_answers = $3 AND used_gen = $4 \
           AND revoked_at IS NULL",
    )
    .bind(session.id.as_bytes())
    .bind(session.rotations.generation)
    .bind(session.rotations.late_answers)
    .bind(session.rotations.used_generation)
}

/// The statement that remembers that a token of the generation was accepted.
pub fn marking_used(id: SessionId, generation: u32) -> Statement {
    Statement::any("UPDATE sessions SET used_gen = $2 WHERE sid = $1 AND used_gen < $2")
        .bind(id.as_bytes())
        .bind(generation)
}

/// The statement that ends a session, once.
pub fn ending(id: SessionId, reason: EndReason, now: Timestamp) -> Statement {
    Statement::one(
        "UPDATE sessions SET revoked_at = $2, end_reason = $3 WHERE sid = $1 AND revoked_at IS NULL",
    )
    .bind(id.as_bytes())
    .bind(now)
    .bind(reason.as_str())
    .even_when_full()
}

/// The statement that ends a session whose superseded token came back, if nothing has changed
/// since that was judged.
pub fn ending_at_generation(session: &Session, reason: EndReason, now: Timestamp) -> Statement {
    Statement::one(
        "UPDATE sessions SET revoked_at = $2, end_reason = $3 \
         WHERE sid = $1 AND revoked_at IS NULL AND gen = $4",
    )
    .bind(session.id.as_bytes())
    .bind(now)
    .bind(reason.as_str())
    .bind(session.rotations.generation)
    .even_when_full()
}

/// The statement that ends all live sessions of a person.
pub fn ending_of_user(user_id: UserId, reason: EndReason, now: Timestamp) -> Statement {
    Statement::any(
        "UPDATE sessions SET revoked_at = $2, end_reason = $3 \
         WHERE uid = $1 AND revoked_at IS NULL AND abs_exp > $2 AND idle_exp > $2",
    )
    .bind(user_id.as_bytes())
    .bind(now)
    .bind(reason.as_str())
    .even_when_full()
}

/// The session so many rows after another one, in the order of ids: where a batch ends.
pub async fn further(
    driver: &dyn Driver,
    after: SessionId,
    rows: u32,
) -> Result<Option<SessionId>, Error> {
    let query =
        Query::new("SELECT sid FROM sessions WHERE sid > $1 ORDER BY sid LIMIT 1 OFFSET $2");
    let query = query.bind(after.as_bytes()).bind(rows);
    let id = driver::fetch_id(driver, "sessions", "sid", query).await?;
    Ok(id.map(SessionId::from_bytes))
}

/// The statement that ends the live sessions after one id and up to another.
pub fn ending_between(
    after: SessionId,
    through: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> Statement {
    Statement::any(
        "UPDATE sessions SET revoked_at = $3, end_reason = $4 \
         WHERE sid > $1 AND sid <= $2 AND revoked_at IS NULL AND abs_exp > $3 AND idle_exp > $3",
    )
    .bind(after.as_bytes())
    .bind(through.as_bytes())
    .bind(now)
    .bind(reason.as_str())
    .even_when_full()
}

/// The statement that ends all live sessions of a client; an operator's, and rare: it scans.
pub fn ending_of_client(client: ClientRef, reason: EndReason, now: Timestamp) -> Statement {
    Statement::any(
        "UPDATE sessions SET revoked_at = $2, end_reason = $3 \
         WHERE cref = $1 AND revoked_at IS NULL AND abs_exp > $2 AND idle_exp > $2",
    )
    .bind(client.as_bytes())
    .bind(now)
    .bind(reason.as_str())
    .even_when_full()
}
