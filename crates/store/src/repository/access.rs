//! What one person may draw credentials for, decided from current rows (I9).

use claviger_model::{
    access::{Account, Role},
    id::{AccountId, RoleName, TargetName, UserId},
    time::Lifetime,
};

use crate::{
    driver::{self, Driver},
    error::Error,
    statement::Query,
    value::{Columns, Row},
};

/// The person's accounts after `after`, by id, at most `limit`. They are put in order and cut here: for the few that a
/// person has, a database spends more on the tables that it would do so in than on the rows.
pub async fn accounts_of(
    driver: &dyn Driver,
    user_id: UserId,
    after: &str,
    limit: u32,
) -> Result<Vec<Account>, Error> {
    let query = Query::new(
        "SELECT s.account_id, a.name, a.email FROM assignments s \
         JOIN accounts a ON a.account_id = s.account_id \
         WHERE s.principal_id = $1 AND s.account_id > $2 \
         UNION ALL \
         SELECT s.account_id, a.name, a.email FROM memberships m \
         JOIN assignments s ON s.principal_id = m.gid AND s.account_id > $2 \
         JOIN accounts a ON a.account_id = s.account_id \
         WHERE m.uid = $1",
    );
    let rows = driver
        .fetch(query.bind(user_id.as_bytes()).bind(after))
        .await?;
    let accounts: Result<Vec<_>, _> = rows.into_iter().map(read_account).collect();
    let mut accounts = accounts?;
    accounts.sort_unstable_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    // One for each role, and for each way to it.
    accounts.dedup_by(|one, other| one.id == other.id);
    accounts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(accounts)
}

/// The account of that id.
pub async fn account_of_id(
    driver: &dyn Driver,
    account_id: &AccountId,
) -> Result<Option<Account>, Error> {
    let query = Query::new("SELECT account_id, name, email FROM accounts WHERE account_id = $1");
    let row = driver::fetch_one(driver, query.bind(account_id.as_str())).await?;
    row.map(read_account).transpose()
}

/// The person's roles in one account after `after`, by name, at most `limit`.
pub async fn roles_of(
    driver: &dyn Driver,
    user_id: UserId,
    account_id: &AccountId,
    after: &str,
    limit: u32,
) -> Result<Vec<Role>, Error> {
    let query = Query::new(
        "SELECT account_id, role_name, target, role_arn, duration FROM roles \
         WHERE account_id = $2 AND role_name > $3 AND role_name IN ( \
           SELECT role_name FROM assignments WHERE account_id = $2 AND (principal_id = $1 OR \
             principal_id IN (SELECT gid FROM memberships WHERE uid = $1))) \
         ORDER BY role_name LIMIT $4",
    );
    let query = query
        .bind(user_id.as_bytes())
        .bind(account_id.as_str())
        .bind(after)
        .bind(limit);
    let rows = driver.fetch(query).await?;
    rows.into_iter()
        .map(|row| read_role(&mut Columns::of("roles", row)))
        .collect()
}

/// The role of that exact name in that account, if the person has it.
pub async fn role_of(
    driver: &dyn Driver,
    user_id: UserId,
    account_id: &AccountId,
    role_name: &RoleName,
) -> Result<Option<Role>, Error> {
    let query = Query::new(
        "SELECT account_id, role_name, target, role_arn, duration FROM roles \
         WHERE account_id = $2 AND role_name = $3 AND EXISTS ( \
           SELECT 1 FROM assignments WHERE account_id = $2 AND role_name = $3 AND \
             (principal_id = $1 OR principal_id IN \
               (SELECT gid FROM memberships WHERE uid = $1)))",
    );
    let query = query
        .bind(user_id.as_bytes())
        .bind(account_id.as_str())
        .bind(role_name.as_str());
    let row = driver::fetch_one(driver, query).await?;
    row.map(|row| read_role(&mut Columns::of("roles", row)))
        .transpose()
}

/// Everything the person has, by account and role name.
pub async fn all_of(driver: &dyn Driver, user_id: UserId) -> Result<Vec<(Account, Role)>, Error> {
    let query = Query::new(
        "SELECT DISTINCT a.account_id, a.name, a.email, r.account_id, r.role_name, r.target, \
           r.role_arn, r.duration \
         FROM assignments s \
         JOIN accounts a ON a.account_id = s.account_id \
         JOIN roles r ON r.account_id = s.account_id AND r.role_name = s.role_name \
         WHERE s.principal_id = $1 OR s.principal_id IN \
           (SELECT gid FROM memberships WHERE uid = $1) \
         ORDER BY a.account_id, r.role_name",
    );
    let read = |row: Row| {
        let mut columns = Columns::of("accounts", row);
        let account = account(&mut columns)?;
        Ok((account, read_role(&mut columns)?))
    };
    driver
        .fetch(query.bind(user_id.as_bytes()))
        .await?
        .into_iter()
        .map(read)
        .collect()
}

pub(crate) fn read_account(row: Row) -> Result<Account, Error> {
    account(&mut Columns::of("accounts", row))
}

fn account(columns: &mut Columns) -> Result<Account, Error> {
    let id = columns.text("account_id")?;
    let id = AccountId::parse(&id).map_err(|error| columns.impossible("account_id", error))?;
    Ok(Account {
        id,
        name: columns.text("name")?,
        email: columns.text("email")?,
    })
}

pub(crate) fn read_role(columns: &mut Columns) -> Result<Role, Error> {
    let account_id = columns.text("account_id")?;
    let account_id =
        AccountId::parse(&account_id).map_err(|e| columns.impossible("account_id", e))?;
    let name = columns.text("role_name")?;
    let name = RoleName::parse(&name).map_err(|e| columns.impossible("role_name", e))?;
    let target = columns.text("target")?;
    let target = TargetName::parse(&target).map_err(|e| columns.impossible("target", e))?;
    let arn = columns.text("role_arn")?;
    let duration = Lifetime::seconds(columns.small("duration")?);
    Ok(Role {
        account_id,
        name,
        target,
        arn,
        duration,
    })
}
