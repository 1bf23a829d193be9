//! People.

use claviger_model::{
    directory::{User, UserName, UserState},
    id::UserId,
    time::Timestamp,
};

use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

/// A person with the hash of their password, if one was set.
#[derive(Clone, Debug)]
pub struct UserWithPassword {
    /// The person.
    pub user: User,
    /// A PHC string.
    pub password_hash: Option<String>,
}

/// The person of a canonical name.
pub async fn by_name_key(
    driver: &dyn Driver,
    name_key: &str,
) -> Result<Option<UserWithPassword>, Error> {
    let query = Query::new(
        "SELECT uid, name, display_name, email, state, user_epoch, password_hash FROM users \
         WHERE name_key = $1",
    );
    let row = driver::fetch_one(driver, query.bind(name_key)).await?;
    row.map(|row| {
        let mut columns = Columns::of("users", row);
        let user = read(&mut columns)?;
        Ok(UserWithPassword {
            user,
            password_hash: columns.text_or_null("password_hash")?,
        })
    })
    .transpose()
}

/// People of that address, two at most: enough to tell that there is not one.
pub async fn by_email(driver: &dyn Driver, email: &str) -> Result<Vec<User>, Error> {
    let query = Query::new(
        "SELECT uid, name, display_name, email, state, user_epoch FROM users WHERE email = $1 LIMIT 2",
    );
    let rows = driver.fetch(query.bind(email)).await?;
    rows.into_iter()
        .map(|row: Row| read(&mut Columns::of("users", row)))
        .collect()
}

/// The person of an id.
pub async fn by_id(driver: &dyn Driver, user_id: UserId) -> Result<Option<User>, Error> {
    let query = Query::new(
        "SELECT uid, name, display_name, email, state, user_epoch FROM users WHERE uid = $1",
    );
    let row = driver::fetch_one(driver, query.bind(user_id.as_bytes())).await?;
    row.map(|row| read(&mut Columns::of("users", row)))
        .transpose()
}

/// All people, by name.
pub async fn all(driver: &dyn Driver) -> Result<Vec<User>, Error> {
    let query = Query::new(
        "SELECT uid, name, display_name, email, state, user_epoch FROM users ORDER BY name_key",
    );
    let rows = driver.fetch(query).await?;
    rows.into_iter()
        .map(|row: Row| read(&mut Columns::of("users", row)))
        .collect()
}

/// Reads uid, name, display_name, email, state, user_epoch, in that order.
pub(crate) fn read(columns: &mut Columns) -> Result<User, Error> {
    let id = UserId::from_bytes(columns.array("uid")?);
    let name = columns.text("name")?;
    let name = UserName::parse(&name).map_err(|error| columns.impossible("name", error))?;
    let display_name = columns.text("display_name")?;
    let email = columns.text_or_null("email")?;
    let state = columns.text("state")?;
    let state = UserState::parse(&state)
        .ok_or_else(|| columns.impossible("state", "no state of a user"))?;
    Ok(User {
        id,
        name,
        display_name,
        email,
        state,
        epoch: columns.integer("user_epoch")?,
    })
}

/// The statement that adds a person, without a password.
pub fn adding(user: &User, now: Timestamp) -> Statement {
    Statement::one(
        "INSERT INTO users (uid, name, name_key, display_name, email, state, user_epoch, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(user.id.as_bytes())
    .bind(user.name.as_str())
    .bind(user.name.key())
    .bind(user.display_name.as_str())
    .bind(user.email.as_deref())
    .bind(user.state.as_str())
    .bind(user.epoch)
    .bind(now)
}

/// The statement that alters how a person is spelled and shown.
pub fn altering(
    user_id: UserId,
    name: &UserName,
    display_name: &str,
    email: Option<&str>,
) -> Statement {
    Statement::one(
        "UPDATE users SET name = $2, name_key = $3, display_name = $4, email = $5 WHERE uid = $1",
    )
    .bind(user_id.as_bytes())
    .bind(name.as_str())
    .bind(name.key())
    .bind(display_name)
    .bind(email)
}

/// The statement that removes a person.
pub fn removing(user_id: UserId) -> Statement {
    Statement::one("DELETE FROM users WHERE uid = $1").bind(user_id.as_bytes())
}

/// The statement that sets a password.
pub fn setting_password(user_id: UserId, encoded: &str) -> Statement {
    Statement::one("UPDATE users SET password_hash = $2 WHERE uid = $1")
        .bind(user_id.as_bytes())
        .bind(encoded)
}

/// The statement that moves a person to another state and voids all they hold by raising their epoch.
pub fn setting_state(user_id: UserId, state: UserState) -> Statement {
    Statement::one(
        "UPDATE users SET state = $2, user_epoch = user_epoch + 1 WHERE uid = $1 AND state <> $2",
    )
    .bind(user_id.as_bytes())
    .bind(state.as_str())
    .even_when_full()
}

/// The person so many rows after another one, in the order of ids: where a batch ends.
pub async fn further(
    driver: &dyn Driver,
    after: UserId,
    rows: u32,
) -> Result<Option<UserId>, Error> {
    let query = Query::new("SELECT uid FROM users WHERE uid > $1 ORDER BY uid LIMIT 1 OFFSET $2");
    let query = query.bind(after.as_bytes()).bind(rows);
    let id = driver::fetch_id(driver, "users", "uid", query).await?;
    Ok(id.map(UserId::from_bytes))
}

/// The statement that voids all that people hold, after one id and up to another.
pub fn raising_epochs_between(after: UserId, through: UserId) -> Statement {
    Statement::any("UPDATE users SET user_epoch = user_epoch + 1 WHERE uid > $1 AND uid <= $2")
        .bind(after.as_bytes())
        .bind(through.as_bytes())
        .even_when_full()
}

/// The statement that voids all a person holds.
pub fn raising_epoch(user_id: UserId) -> Statement {
    Statement::one("UPDATE users SET user_epoch = user_epoch + 1 WHERE uid = $1")
        .bind(user_id.as_bytes())
        .even_when_full()
}
