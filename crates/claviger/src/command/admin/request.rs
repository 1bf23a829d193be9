//! What is asked of whoever owns the store, and what comes back.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One administrative command.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Request {
    DirectoryPlan {
        file: String,
    },
    DirectoryApply {
        file: String,
    },
    UserList,
    UserSetPassword {
        user: String,
        password: String,
        sign_out: bool,
    },
    UserDisable {
        user: String,
    },
    UserEnable {
        user: String,
    },
    SessionsList {
        user: Option<String>,
    },
    SessionsEnd {
        id: String,
    },
    SessionsEndUser {
        user: String,
    },
    SessionsEndEveryone,
    RollbackAccept,
    ClientDeny {
        client_id: String,
        reason: String,
    },
    ClientAllow {
        client_id: String,
    },
    MachineCreate {
        application: String,
    },
    MachineList,
    MachineDisable {
        access_key_id: String,
    },
    KeysList,
    KeysRotate,
    Audit {
        since: i64,
        limit: u32,
    },
    Backup {
        path: PathBuf,
    },
}

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    Changes { applied: bool, changes: Vec<Change> },
    Users { users: Vec<User> },
    Sessions { sessions: Vec<Session> },
    Machine(NewMachine),
    Machines { machines: Vec<Machine> },
    Epochs { epochs: Vec<Epoch> },
    Audit { records: Vec<Record> },
    Done { message: String },
    Refused { because: String },
}

/// One difference between store and file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) verb: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

/// A person.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) email: Option<String>,
    pub(crate) state: String,
}

/// A live session.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) created_at: String,
    pub(crate) expires_at: String,
    pub(crate) generation: u32,
}

/// A machine key as it is shown once.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewMachine {
    pub(crate) application: String,
    pub(crate) client_id: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// A machine key.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) access_key_id: String,
    pub(crate) application: String,
    pub(crate) state: String,
    pub(crate) created_at: String,
}

/// A key epoch.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) number: u8,
    pub(crate) state: String,
    pub(crate) since: String,
}

/// An audit record.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) node: String,
    pub(crate) seq: i64,
    pub(crate) at: String,
    pub(crate) action: String,
    pub(crate) actor: String,
    pub(crate) subject: String,
    pub(crate) session_id: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) detail: String,
}
