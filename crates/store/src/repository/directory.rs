//! The directory as a whole: groups, accounts, roles and who has them.

use claviger_model::{
    access::{Account, Role},
    id::{AccountId, GroupId, RoleName, UserId},
};

use super::access::{read_account, read_role};
use crate::{
    driver::{self, Driver},
    error::Error,
    statement::{Query, Statement},
    value::{Columns, Row},
};

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// Who has which role: a person or a group, by the bytes of the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// A user id or a group id.
    pub principal: [u8; 16],
    /// The account.
    pub account_id: AccountId,
    /// The role.
    pub role_name: RoleName,
}

/// All groups, by name.
pub async fn groups(driver: &dyn Driver) -> Result<Vec<Group>, Error> {
    let rows = driver
        .fetch(Query::new(
            "SELECT gid, name FROM user_groups ORDER BY name",
        ))
        .await?;
    let read = |row: Row| {
        let mut columns = Columns::of("user_groups", row);
        let id = GroupId::from_bytes(columns.array("gid")?);
        Ok(Group {
            id,
            name: columns.text("name")?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The names of a person's groups, in order.
pub async fn group_names_of(driver: &dyn Driver, user_id: UserId) -> Result<Vec<String>, Error> {
    let query = Query::new(
        "SELECT g.name FROM memberships m JOIN user_groups g ON g.gid = m.gid \
         WHERE m.uid = $1 ORDER BY g.name",
    );
    let rows = driver.fetch(query.bind(user_id.as_bytes())).await?;
    rows.into_iter()
        .map(|row| Columns::of("user_groups", row).text("name"))
        .collect()
}

/// All memberships.
pub async fn memberships(driver: &dyn Driver) -> Result<Vec<(UserId, GroupId)>, Error> {
    let rows = driver
        .fetch(Query::new("SELECT uid, gid FROM memberships"))
        .await?;
    let read = |row: Row| {
        let mut columns = Columns::of("memberships", row);
        let user_id = UserId::from_bytes(columns.array("uid")?);
        Ok((user_id, GroupId::from_bytes(columns.array("gid")?)))
    };
    rows.into_iter().map(read).collect()
}

/// All accounts, by id.
pub async fn accounts(driver: &dyn Driver) -> Result<Vec<Account>, Error> {
    let query = Query::new("SELECT account_id, name, email FROM accounts ORDER BY account_id");
    driver
        .fetch(query)
        .await?
        .into_iter()
        .map(read_account)
        .collect()
}

/// All roles, by account and name.
pub async fn roles(driver: &dyn Driver) -> Result<Vec<Role>, Error> {
    let query = Query::new(
        "SELECT account_id, role_name, target, role_arn, duration FROM roles \
         ORDER BY account_id, role_name",
    );
    let rows = driver.fetch(query).await?;
    rows.into_iter()
        .map(|row| read_role(&mut Columns::of("roles", row)))
        .collect()
}

/// All assignments.
pub async fn assignments(driver: &dyn Driver) -> Result<Vec<Assignment>, Error> {
    let query = Query::new("SELECT principal_id, account_id, role_name FROM assignments");
    let read = |row: Row| {
        let mut columns = Columns::of("assignments", row);
        let principal = columns.array("principal_id")?;
        let account_id = columns.text("account_id")?;
        let account_id =
            AccountId::parse(&account_id).map_err(|e| columns.impossible("account_id", e))?;
        let role_name = columns.text("role_name")?;
        let role_name =
            RoleName::parse(&role_name).map_err(|e| columns.impossible("role_name", e))?;
        Ok(Assignment {
            principal,
            account_id,
            role_name,
        })
    };
    driver.fetch(query).await?.into_iter().map(read).collect()
}

/// The directory's version: raised by every apply, so that two cannot interleave.
pub async fn version(driver: &dyn Driver) -> Result<i64, Error> {
    let query = Query::new("SELECT value FROM meta WHERE name = 'directory_version'");
    let Some(row) = driver::fetch_one(driver, query).await? else {
        return Ok(0);
    };
    let mut columns = Columns::of("meta", row);
    let value = columns.text("value")?;
    value
        .parse()
        .map_err(|_| columns.impossible("value", "no number"))
}

/// The statement that raises the version, and refuses its plan when somebody else was faster.
pub fn raising_version(from: i64) -> Statement {
    Statement::one(
        "INSERT INTO meta (name, value) VALUES ('directory_version', $1) \
         ON CONFLICT (name) DO UPDATE SET value = $1 WHERE meta.value = $2",
    )
    .bind((from + 1).to_string())
    .bind(from.to_string())
}

/// The statement that adds a group.
pub fn adding_group(group: &Group) -> Statement {
    Statement::one("INSERT INTO user_groups (gid, name) VALUES ($1, $2)")
        .bind(group.id.as_bytes())
        .bind(group.name.as_str())
}

/// The statement that removes a group.
pub fn removing_group(id: GroupId) -> Statement {
    Statement::one("DELETE FROM user_groups WHERE gid = $1").bind(id.as_bytes())
}

/// The statement that puts a person into a group.
pub fn joining(user_id: UserId, group_id: GroupId) -> Statement {
    Statement::one("INSERT INTO memberships (uid, gid) VALUES ($1, $2)")
        .bind(user_id.as_bytes())
        .bind(group_id.as_bytes())
}

/// The statement that takes a person out of a group.
pub fn leaving(user_id: UserId, group_id: GroupId) -> Statement {
    Statement::one("DELETE FROM memberships WHERE uid = $1 AND gid = $2")
        .bind(user_id.as_bytes())
        .bind(group_id.as_bytes())
}

/// The statement that adds or alters an account.
pub fn putting_account(account: &Account) -> Statement {
    Statement::one(
        "INSERT INTO accounts (account_id, name, email) VALUES ($1, $2, $3) \
         ON CONFLICT (account_id) DO UPDATE SET name = $2, email = $3",
    )
    .bind(account.id.as_str())
    .bind(account.name.as_str())
    .bind(account.email.as_str())
}

/// The statement that removes an account.
pub fn removing_account(id: &AccountId) -> Statement {
    Statement::one("DELETE FROM accounts WHERE account_id = $1").bind(id.as_str())
}

/// The statement that adds or alters a role.
pub fn putting_role(role: &Role) -> Statement {
    Statement::one(
        "INSERT INTO roles (account_id, role_name, target, role_arn, duration) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, role_name) \
         DO UPDATE SET target = $3, role_arn = $4, duration = $5",
    )
    .bind(role.account_id.as_str())
    .bind(role.name.as_str())
    .bind(role.target.as_str())
    .bind(role.arn.as_str())
    .bind(role.duration.as_seconds())
}

/// The statement that removes a role.
pub fn removing_role(role: &Role) -> Statement {
    Statement::one("DELETE FROM roles WHERE account_id = $1 AND role_name = $2")
        .bind(role.account_id.as_str())
        .bind(role.name.as_str())
}

/// The statement that gives a role.
pub fn assigning(assignment: &Assignment) -> Statement {
    Statement::one(
        "INSERT INTO assignments (principal_id, account_id, role_name) VALUES ($1, $2, $3)",
    )
    .bind(&assignment.principal)
    .bind(assignment.account_id.as_str())
    .bind(assignment.role_name.as_str())
}

/// The statement that takes a role away.
pub fn unassigning(assignment: &Assignment) -> Statement {
    Statement::one(
        "DELETE FROM assignments WHERE principal_id = $1 AND account_id = $2 AND role_name = $3",
    )
    .bind(&assignment.principal)
    .bind(assignment.account_id.as_str())
    .bind(assignment.role_name.as_str())
}
