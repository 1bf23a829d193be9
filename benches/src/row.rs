//! The rows of the table, and what each is held against.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The stack with a constant answer.
    CeilingConstant,
    /// The stack with a durable UPDATE of SQLite.
    CeilingSqlite,
    /// The same, of rows that lie apart as sessions do.
    CeilingSqliteApart,
    /// The stack with a durable UPDATE of PostgreSQL, a statement each.
    CeilingPostgresEach,
    /// The same, one statement for all that wait.
    CeilingPostgresBatched,
    /// RegisterClient.
    Register,
    /// StartDeviceAuthorization.
    Start,
    /// CreateToken for a device that nobody has approved.
    Poll,
    /// ListAccounts of a person who sees 5, 50 or 500.
    List(usize),
    /// Introspection of an access token.
    Introspect,
    /// CreateToken with a refresh token, on SQLite.
    Refresh,
    /// The same on PostgreSQL.
    RefreshPostgres,
    /// A hundred times the same refresh at once, on SQLite.
    Storm,
    /// A device's whole sign-in with its approval in a browser, on SQLite.
    SignIn,
    /// An application's whole sign-in: its page, consent in a browser, and the code with PKCE, on SQLite.
    Code,
    /// GetRoleCredentials of roles that nobody has asked for, from an STS that answers at once.
    Cold,
    /// The same from one that takes 20 ms.
    ColdPatient,
    /// GetRoleCredentials of a role whose credentials the server has.
    Kept,
    /// A hundred processes that ask for one role at once, of which the server has nothing yet.
    Crowd,
    /// What a company's machines ask for, mixed.
    Mix,
    /// A refresh by so many connections, on SQLite.
    RefreshBy(usize),
    /// RegisterClient by so many connections.
    RegisterBy(usize),
    /// Refreshes at half the rate that all could do, on SQLite.
    RefreshHalf,
}

/// How many ask for the same at once.
pub(crate) const CROWD: u64 = 100;

/// How long all of a storm may take, in microseconds.
pub(crate) struct Limit {
    pub(crate) must: u64,
    pub(crate) aim: u64,
}

/// What a row's cost is divided by, and how large the ratio may be.
pub(crate) struct Goal {
    pub(crate) ceiling: Row,
    pub(crate) must: f64,
    pub(crate) aim: f64,
    /// What its rate must be at least, in parts of the ceiling's.
    pub(crate) rate: Option<f64>,
}

/// In the order in which they run: polls use up what starts have begun, and what is held against a ceiling runs soon
/// after it, for the machine changes.
pub(crate) const ALL: &[Row] = &[
    Row::Start,
    Row::CeilingConstant,
    Row::Register,
    Row::Poll,
    Row::List(5),
    Row::Introspect,
    Row::CeilingSqlite,
    Row::CeilingSqliteApart,
    Row::Refresh,
    Row::Storm,
    Row::Mix,
    Row::RefreshHalf,
    Row::RefreshBy(1),
    Row::RefreshBy(8),
    Row::RefreshBy(512),
    Row::RegisterBy(1),
    Row::RegisterBy(8),
    Row::RegisterBy(512),
    Row::SignIn,
    Row::Code,
    Row::Cold,
    Row::ColdPatient,
    Row::Kept,
    Row::Crowd,
    Row::List(50),
    Row::List(500),
    Row::CeilingPostgresEach,
    Row::CeilingPostgresBatched,
    Row::RefreshPostgres,
];

/// What is looked at as the store grows.
pub(crate) const GROWING: &[Row] = &[
    Row::Refresh,
    Row::Start,
    Row::Poll,
    Row::List(5),
    Row::RefreshPostgres,
];

impl Row {
    /// As the table calls it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::CeilingConstant => "ceiling (a): constant answer".to_owned(),
            Self::CeilingSqlite => "ceiling (b): one SQLite UPDATE".to_owned(),
            Self::CeilingSqliteApart => "ceiling (b'): SQLite, rows apart".to_owned(),
            Self::CeilingPostgresEach => "ceiling (c): PostgreSQL, each".to_owned(),
            Self::CeilingPostgresBatched => "ceiling (c): PostgreSQL, batched".to_owned(),
            Self::Register => "RegisterClient".to_owned(),
            Self::Start => "StartDeviceAuthorization".to_owned(),
            Self::Poll => "device poll, pending".to_owned(),
            Self::List(sees) => format!("ListAccounts, {sees} accounts"),
            Self::Introspect => "introspection".to_owned(),
            Self::Refresh => "refresh with rotation, SQLite".to_owned(),
            Self::RefreshPostgres => "refresh with rotation, PostgreSQL".to_owned(),
            Self::Storm => "storm: one refresh, 100 times".to_owned(),
            Self::SignIn => "device sign-in, whole".to_owned(),
            Self::Code => "code + PKCE, whole".to_owned(),
            Self::Cold => "GetRoleCredentials, STS of 0 ms".to_owned(),
            Self::ColdPatient => "GetRoleCredentials, STS of 20 ms".to_owned(),
            Self::Kept => "GetRoleCredentials, kept".to_owned(),
            Self::Crowd => "GetRoleCredentials, 100 at once".to_owned(),
            Self::Mix => "mix of a working day".to_owned(),
            Self::RefreshBy(count) => format!("refresh, {count} connections"),
            Self::RegisterBy(count) => format!("RegisterClient, {count} connections"),
            Self::RefreshHalf => "refresh at half speed".to_owned(),
        }
    }

    /// Those whose names contain this, and those that they need.
    pub(crate) fn wanted(only: &str) -> Vec<Self> {
        let wanted = ALL.iter().copied();
        wanted.filter(|row| row.is_wanted(only)).collect()
    }

    fn is_wanted(self, only: &str) -> bool {
        let needs = |row: &Self| {
            row.name().contains(only)
                && (*row == self
                    || row.goal().is_some_and(|goal| goal.ceiling == self)
                    || row.beside() == Some(self)
                    || (*row == Self::Poll && self == Self::Start)
                    || (*row == Self::RefreshHalf && self == Self::Refresh))
        };
        ALL.iter().any(needs)
    }

    pub(crate) const fn is_on_postgres(self) -> bool {
        matches!(
            self,
            Self::CeilingPostgresEach | Self::CeilingPostgresBatched | Self::RefreshPostgres
        )
    }

    /// Whether it needs signed-in sessions, each refreshed with its newest token.
    pub(crate) const fn needs_sessions(self) -> bool {
        matches!(
            self,
            Self::Refresh
                | Self::RefreshPostgres
                | Self::RefreshHalf
                | Self::RefreshBy(_)
                | Self::Storm
                | Self::Cold
                | Self::ColdPatient
                | Self::Crowd
                | Self::Mix
        )
    }

    /// How many connections it takes, where that is not for the caller to say.
    pub(crate) const fn connections(self) -> Option<usize> {
        match self {
            Self::RefreshBy(count) | Self::RegisterBy(count) => Some(count),
            _ => None,
        }
    }

    /// What it is shown beside: a ceiling that is nearer to what it does, and that no goal speaks of.
    pub(crate) const fn beside(self) -> Option<Self> {
        match self {
            Self::Refresh => Some(Self::CeilingSqliteApart),
            _ => None,
        }
    }

    /// How long it may take.
    pub(crate) const fn limit(self) -> Option<Limit> {
        match self {
            Self::Storm => Some(Limit {
                must: 100_000,
                aim: 30_000,
            }),
            _ => None,
        }
    }

    /// What it is held against.
    pub(crate) fn goal(self) -> Option<Goal> {
        let (ceiling, must, aim) = match self {
            Self::Register => (Self::CeilingConstant, 1.5, 1.25),
            Self::Poll => (Self::CeilingConstant, 1.6, 1.3),
            Self::List(5) | Self::Introspect => (Self::CeilingConstant, 1.8, 1.4),
            Self::Refresh => (Self::CeilingSqlite, 1.5, 1.25),
            Self::RefreshPostgres => (Self::CeilingPostgresBatched, 1.6, 1.3),
            _ => return None,
        };
        let writes = matches!(self, Self::Refresh | Self::RefreshPostgres);
        Some(Goal {
            ceiling,
            must,
            aim,
            rate: writes.then_some(0.75),
        })
    }
}
