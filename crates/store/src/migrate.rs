//! Migrations: forward only, numbered, embedded, never edited after release.

/// One step of the schema.
pub struct Migration {
    /// Its number, from 1 without gaps.
    pub number: i64,
    /// The statements.
    pub sql: &'static str,
}

/// All steps for SQLite, in order.
pub const SQLITE: &[Migration] = &[
    Migration {
        number: 1,
        sql: include_str!("../migrations/sqlite/0001_first.sql"),
    },
    Migration {
        number: 2,
        sql: include_str!("../migrations/sqlite/0002_machines.sql"),
    },
    Migration {
        number: 3,
        sql: include_str!("../migrations/sqlite/0003_openid.sql"),
    },
    Migration {
        number: 4,
        sql: include_str!("../migrations/sqlite/0004_rs256.sql"),
    },
];

/// All steps for PostgreSQL, in order; each number changes the same tables as for SQLite.
pub const POSTGRES: &[Migration] = &[
    Migration {
        number: 1,
        sql: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Migration {
        number: 2,
        sql: include_str!("../migrations/postgres/0002_machines.sql"),
    },
    Migration {
        number: 3,
        sql: include_str!("../migrations/postgres/0003_openid.sql"),
    },
    Migration {
        number: 4,
        sql: include_str!("../migrations/postgres/0004_rs256.sql"),
    },
];
