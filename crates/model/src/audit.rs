//! What the audit log records: one record per change of state or refused theft, never a secret.

use crate::{id::SessionId, time::Timestamp};

/// The closed list of audited actions. The spellings are a promise to whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A person proved who they are.
    SignIn,
    /// A person signed out of the browser.
    SignOut,
    /// A device was approved.
    DeviceApprove,
    /// A device was denied.
    DeviceDeny,
    /// A client was given an authorization code.
    AuthorizeApprove,
    /// A session began.
    SessionStart,
    /// A session ended before its time.
    SessionEnd,
    /// Role credentials were handed out.
    CredentialsIssue,
    /// A superseded refresh token came back and the session was ended.
    RefreshReuse,
    /// An unused successor was answered again.
    RefreshLate,
    /// The store had fallen behind its own tokens.
    RefreshAhead,
    /// An authorization code was redeemed twice and the session was ended.
    CodeReplay,
    /// A directory file was applied.
    DirectoryApply,
    /// An administrator set a password.
    UserSetPassword,
    /// An administrator disabled a person.
    UserDisable,
    /// An administrator enabled a person.
    UserEnable,
    /// An administrator denied a client.
    ClientDeny,
    /// An administrator took a client's denial back.
    ClientAllow,
    /// A machine key was made for an application.
    MachineCreate,
    /// An administrator stopped a machine key.
    MachineDisable,
    /// Keys were rotated.
    KeysRotate,
    /// An administrator went on with a store that had gone back in time.
    RollbackAccept,
}

impl Action {
    /// All of them, in their order.
    pub const ALL: [Self; 22] = [
        Self::SignIn,
        Self::SignOut,
        Self::DeviceApprove,
        Self::DeviceDeny,
        Self::AuthorizeApprove,
        Self::SessionStart,
        Self::SessionEnd,
        Self::CredentialsIssue,
        Self::RefreshReuse,
        Self::RefreshLate,
        Self::RefreshAhead,
        Self::CodeReplay,
        Self::DirectoryApply,
        Self::UserSetPassword,
        Self::UserDisable,
        Self::UserEnable,
        Self::ClientDeny,
        Self::ClientAllow,
        Self::MachineCreate,
        Self::MachineDisable,
        Self::KeysRotate,
        Self::RollbackAccept,
    ];

    /// The spelling in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::DeviceApprove => "device.approve",
            Self::DeviceDeny => "device.deny",
            Self::AuthorizeApprove => "authorize.approve",
            Self::SessionStart => "session.start",
            Self::SessionEnd => "session.end",
            Self::CredentialsIssue => "credentials.issue",
            Self::RefreshReuse => "refresh.reuse",
            Self::RefreshLate => "refresh.late",
            Self::RefreshAhead => "refresh.ahead",
            Self::CodeReplay => "code.replay",
            Self::DirectoryApply => "directory.apply",
            Self::UserSetPassword => "user.set_password",
            Self::UserDisable => "user.disable",
            Self::UserEnable => "user.enable",
            Self::ClientDeny => "client.deny",
            Self::ClientAllow => "client.allow",
            Self::MachineCreate => "machine.create",
            Self::MachineDisable => "machine.disable",
            Self::KeysRotate => "keys.rotate",
            Self::RollbackAccept => "rollback.accept",
        }
    }
}

/// One record: who did what, on whose session, through which client, from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// The person's name, or `operator` for what the command line did.
    pub actor: String,
    /// What was acted on: a user, an account and role, a file.
    pub subject: String,
    /// The session concerned.
    pub session_id: Option<SessionId>,
    /// The client's own name for itself.
    pub client: Option<String>,
    /// The address the request came from.
    pub address: Option<String>,
    /// What else an investigator wants to know.
    pub detail: String,
}
