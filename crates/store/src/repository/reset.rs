//! Forgetting everything but the keys, for `claviger dev`.

use crate::statement::{Plan, Statement};

/// The plan that empties every table that use of the service fills; what refers to others goes first.
pub fn forgetting_everything() -> Plan {
    let statements = [
        "DELETE FROM assignments",
        "DELETE FROM memberships",
        "DELETE FROM roles",
        "DELETE FROM accounts",
        "DELETE FROM user_groups",
        "DELETE FROM sessions",
        "DELETE FROM web_sessions",
        "DELETE FROM user_codes",
        "DELETE FROM devices",
        "DELETE FROM auth_codes",
        "DELETE FROM replay",
        "DELETE FROM machine_keys",
        "DELETE FROM throttle",
        "DELETE FROM denied_clients",
        "DELETE FROM audit",
        "DELETE FROM users",
    ];
    statements
        .into_iter()
        .map(Statement::any)
        .fold(Plan::default(), Plan::then)
}
