//! Authorization codes: issued, then redeemed once or burned by failures.

use claviger_model::{
    grant::authorization_code::{AuthorizationCode, FAILURES_THAT_BURN},
    id::{ClientRef, CodeId, SessionId, UserId, WebSessionId},
    pkce::CodeChallenge,
    time::Timestamp,
};

use super::device::{dialect_text, read_dialect, read_scopes};
use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::Columns,
};

/// The code of an id.
pub async fn by_id(driver: &dyn Driver, id: CodeId) -> Result<Option<AuthorizationCode>, Error> {
    let query = Query::new(
        "SELECT cref, client_name, dialect, redirect_uri, challenge, scopes, uid, user_epoch, wid, \
           auth_time, exp, fails, sid, nonce FROM auth_codes WHERE cid = $1",
    );
    let Some(row) = driver::fetch_one(driver, query.bind(id.as_bytes())).await? else {
        return Ok(None);
    };
    let mut columns = Columns::of("auth_codes", row);
    let client = ClientRef::from_bytes(columns.array("cref")?);
    let client_name = columns.text("client_name")?;
    let dialect = read_dialect(&mut columns)?;
    let redirect_uri = columns.text("redirect_uri")?;
    let challenge = columns.text_or_null("challenge")?;
    let challenge = challenge
        .map(|text| CodeChallenge::parse(&text))
        .transpose()
        .map_err(|error| columns.impossible("challenge", error))?;
    Ok(Some(AuthorizationCode {
        id,
        client,
        client_name,
        dialect,
        redirect_uri,
        challenge,
        scopes: read_scopes(&mut columns)?,
        user_id: UserId::from_bytes(columns.array("uid")?),
        user_epoch: columns.integer("user_epoch")?,
        web_session_id: WebSessionId::from_bytes(columns.array("wid")?),
        auth_time: columns.time("auth_time")?,
        expires_at: columns.time("exp")?,
        failures: columns.integer("fails")?,
        redeemed: columns.array_or_null("sid")?.map(SessionId::from_bytes),
        nonce: columns.text_or_null("nonce")?,
    }))
}

/// The statement that issues a code.
pub fn issuing(code: &AuthorizationCode) -> Statement {
    Statement::one(
        "INSERT INTO auth_codes (cid, cref, client_name, dialect, redirect_uri, challenge, scopes, \
           uid, user_epoch, wid, auth_time, exp, fails, nonce) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13)",
    )
    .bind(code.id.as_bytes())
    .bind(code.client.as_bytes())
    .bind(code.client_name.as_str())
    .bind(dialect_text(code.dialect))
    .bind(code.redirect_uri.as_str())
    .bind(code.challenge.as_ref().map(CodeChallenge::as_str))
    .bind(code.scopes.join())
    .bind(code.user_id.as_bytes())
    .bind(code.user_epoch)
    .bind(code.web_session_id.as_bytes())
    .bind(code.auth_time)
    .bind(code.expires_at)
    .bind(code.nonce.as_deref())
}

/// The statement that spends a code on a session, once.
pub fn redeeming(
    id: CodeId,
    client: ClientRef,
    session_id: SessionId,
    now: Timestamp,
) -> Statement {
    Statement::one(
        "UPDATE auth_codes SET sid = $3 \
         WHERE cid = $1 AND cref = $2 AND sid IS NULL AND exp > $4 AND fails < $5",
    )
    .bind(id.as_bytes())
    .bind(client.as_bytes())
    .bind(session_id.as_bytes())
    .bind(now)
    .bind(FAILURES_THAT_BURN)
}

/// The statement that counts a failed redemption by the right client.
pub fn counting_failure(id: CodeId) -> Statement {
    Statement::any("UPDATE auth_codes SET fails = fails + 1 WHERE cid = $1 AND sid IS NULL")
        .bind(id.as_bytes())
}
