//! The flags of `claviger admin`, and the way to whoever owns the store.

use std::{
    collections::HashMap,
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use claviger_engine::{links::Links, policy::Policy};
use claviger_model::{
    application::Application,
    port::{clock::Clock as _, issuers::NoIssuers},
    time::Lifetime,
};

use super::{
    execute::{Owner, execute},
    moving,
    render::render,
    request::{Answer, Request},
    socket,
};
use crate::{
    adapter::clock::SystemClock,
    config::{
        duration,
        settings::{self, Flags, Paths},
    },
    directory_file,
    exit::{Exit, ExitCode as _, TEMPORARY},
    output,
    store::Store,
    wiring::{self, Instance, Ports},
};

/// Flags of every command below `admin` stand apart from its own.
const INSTANCE: &str = "The instance";

#[derive(Args)]
#[command(after_help = "Examples:
  claviger admin plan directory.toml
  claviger admin apply directory.toml
  claviger admin user set-password alice
  claviger admin sessions list --user alice
  claviger admin audit --since 1d --json")]
pub(crate) struct Admin {
    /// The configuration file of the instance
    #[arg(long, global = true, env = "CLAVIGER_CONFIG", value_name = "FILE", help_heading = INSTANCE)]
    config: Option<PathBuf>,
    /// The instance's data directory
    #[arg(long, global = true, value_name = "DIR", help_heading = INSTANCE)]
    data_dir: Option<PathBuf>,
    /// The instance's key file
    #[arg(long, global = true, value_name = "FILE", help_heading = INSTANCE)]
    key_file: Option<PathBuf>,
    /// The PostgreSQL that holds the store
    #[arg(long, global = true, env = "CLAVIGER_STORE", value_name = "URL", hide_env_values = true, help_heading = INSTANCE)]
    store: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Show what `apply` would change
    #[command(after_help = "Example:\n  claviger admin plan directory.toml")]
    Plan {
        /// The directory file; - for standard input
        file: PathBuf,
    },
    /// Make users, groups, accounts and roles as the directory file says, in one transaction
    #[command(after_help = "Example:\n  claviger admin apply directory.toml")]
    Apply {
        /// The directory file; - for standard input
        file: PathBuf,
    },
    /// People: list them, set a password, disable, enable
    #[command(subcommand, after_help = "Example:\n  claviger admin user list")]
    User(UserVerb),
    /// Sessions: list the live ones, end them
    #[command(subcommand, after_help = "Example:\n  claviger admin sessions list")]
    Sessions(SessionsVerb),
    /// Clients: deny one and end its sessions, or take that back
    #[command(
        subcommand,
        after_help = "Example:\n  claviger admin client deny cvc1.…"
    )]
    Client(ClientVerb),
    /// Machine keys, which applications sign with: make, list, disable
    #[command(
        subcommand,
        after_help = "Example:\n  claviger admin machine create reports --config claviger.toml"
    )]
    Machine(MachineVerb),
    /// Key epochs: list, rotate
    #[command(subcommand, after_help = "Example:\n  claviger admin keys rotate")]
    Keys(KeysVerb),
    /// Go on with a store that has gone back in time, after a restore on purpose
    #[command(after_help = "Example:\n  claviger admin accept-rollback\n\n\
        What was revoked since the backup is good again; `sessions end --all` ends everything \
        instead.")]
    AcceptRollback,
    /// The store as a whole: copy it to a PostgreSQL
    #[command(subcommand, after_help = "Example:\n  claviger admin store copy")]
    Store(StoreVerb),
    /// Show the audit log, oldest first
    #[command(after_help = "Example:\n  claviger admin audit --since 1h --json")]
    Audit {
        /// How far back to go: 60s, 10m, 8h, 90d
        #[arg(long, default_value = "1d", value_parser = span)]
        since: Lifetime,
        /// Show at most this many records, the latest
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Copy the store to a new file while everything goes on
    #[command(
        after_help = "Example:\n  claviger admin backup /backup/claviger-2026-11-25.db\n\n\
        The key file is not part of it: back that up once, somewhere else."
    )]
    Backup {
        /// The new file
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum UserVerb {
    /// List all people
    #[command(after_help = "Example:\n  claviger admin user list")]
    List,
    /// Set a password, asked for at the terminal or read from a file
    #[command(after_help = "Example:\n  claviger admin user set-password alice --sign-out")]
    SetPassword {
        /// The user name
        user: String,
        /// Read the password from a file; - for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// End everything the person is signed in to
        #[arg(long)]
        sign_out: bool,
    },
    /// Stop a person: everything they hold is dead at once
    #[command(after_help = "Example:\n  claviger admin user disable alice")]
    Disable {
        /// The user name
        user: String,
    },
    /// Let a person in again
    #[command(after_help = "Example:\n  claviger admin user enable alice")]
    Enable {
        /// The user name
        user: String,
    },
}

#[derive(Subcommand)]
enum SessionsVerb {
    /// List live sessions, newest first
    #[command(after_help = "Example:\n  claviger admin sessions list --user alice")]
    List {
        /// Only this person's
        #[arg(long)]
        user: Option<String>,
    },
    /// End a session, or all of a person
    #[command(after_help = "Examples:\n  claviger admin sessions end 0f3c…\n  \
        claviger admin sessions end --user alice")]
    End {
        /// The session's id, as `list` shows it
        #[arg(required_unless_present_any = ["user", "all"])]
        session: Option<String>,
        /// All sessions of this person, browsers too
        #[arg(long, conflicts_with_all = ["session", "all"])]
        user: Option<String>,
        /// All sessions of everybody, browsers too: after a restore
        #[arg(long, conflicts_with = "session")]
        all: bool,
    },
}

#[derive(Subcommand)]
enum ClientVerb {
    /// Refuse a client from now on and end its sessions
    #[command(
        after_help = "Example:\n  claviger admin client deny cvc1.… --reason 'stolen laptop'"
    )]
    Deny {
        /// The whole clientId
        client_id: String,
        /// Why; kept in the audit log
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Take a denial back
    #[command(after_help = "Example:\n  claviger admin client allow cvc1.…")]
    Allow {
        /// The whole clientId
        client_id: String,
    },
}

#[derive(Subcommand)]
enum MachineVerb {
    /// Make a key for an application and show its secret, this once
    #[command(after_help = "Example:\n  claviger admin machine create reports")]
    Create {
        /// The application's name below `applications` in the configuration
        application: String,
    },
    /// List all machine keys, oldest first
    #[command(after_help = "Example:\n  claviger admin machine list")]
    List,
    /// Stop a key: what it signs is refused from now on
    #[command(after_help = "Example:\n  claviger admin machine disable CVMK…")]
    Disable {
        /// The access key id, as `list` shows it
        access_key_id: String,
    },
}

#[derive(Subcommand)]
enum KeysVerb {
    /// List key epochs
    #[command(after_help = "Example:\n  claviger admin keys list")]
    List,
    /// Make new keys; tokens of the old ones stay good
    #[command(after_help = "Example:\n  claviger admin keys rotate")]
    Rotate,
}

#[derive(Subcommand)]
enum StoreVerb {
    /// Copy the data directory's store to the PostgreSQL that --store names, and compare the two
    #[command(
        after_help = "Example:\n  claviger admin store copy --store postgres://claviger@db.example.org/claviger\n\n\
        Stop the service first. The PostgreSQL must hold no store yet; the one in the data directory \
        stays as it is. Sessions go on afterwards: the key file is the same."
    )]
    Copy,
}

fn span(text: &str) -> Result<Lifetime, String> {
    duration::parse(text).ok_or_else(|| "give a number and a unit: 60s, 10m, 8h, 90d".to_owned())
}

/// Runs the command and prints its answer.
pub(crate) async fn run(admin: Admin) -> Result<(), Exit> {
    let flags = Flags {
        config: admin.config,
        data_dir: admin.data_dir,
        key_file: admin.key_file,
        store: admin.store,
        ..Flags::default()
    };
    let (paths, applications) = settings::locate(&flags)?;
    if let Noun::Store(StoreVerb::Copy) = admin.noun {
        return moving::copy(&paths, admin.json).await;
    }
    let request = request(admin.noun)?;
    let answer = ask(&paths, applications, request).await?;
    if let Answer::Refused { because } = answer {
        return Err(anyhow::anyhow!(because).into());
    }
    let text = if admin.json {
        serde_json::to_string(&answer).map_err(anyhow::Error::from)?
    } else {
        render(&answer)
    };
    output::line(&text);
    Ok(())
}

fn request(noun: Noun) -> anyhow::Result<Request> {
    Ok(match noun {
        Noun::Plan { file } => Request::DirectoryPlan {
            file: directory(&file)?,
        },
        Noun::Apply { file } => Request::DirectoryApply {
            file: directory(&file)?,
        },
        Noun::User(UserVerb::List) => Request::UserList,
        Noun::User(UserVerb::SetPassword {
            user,
            password_file,
            sign_out,
        }) => Request::UserSetPassword {
            password: password(password_file.as_deref())?,
            user,
            sign_out,
        },
        Noun::User(UserVerb::Disable { user }) => Request::UserDisable { user },
        Noun::User(UserVerb::Enable { user }) => Request::UserEnable { user },
        Noun::Sessions(SessionsVerb::List { user }) => Request::SessionsList { user },
        Noun::Sessions(SessionsVerb::End { all: true, .. }) => Request::SessionsEndEveryone,
        Noun::Sessions(SessionsVerb::End { session, user, .. }) => match (session, user) {
            (_, Some(user)) => Request::SessionsEndUser { user },
            (Some(id), None) => Request::SessionsEnd { id },
            (None, None) => bail!("name a session, --user or --all"),
        },
        Noun::Client(ClientVerb::Deny { client_id, reason }) => {
            Request::ClientDeny { client_id, reason }
        }
        Noun::Client(ClientVerb::Allow { client_id }) => Request::ClientAllow { client_id },
        Noun::Machine(MachineVerb::Create { application }) => {
            Request::MachineCreate { application }
        }
        Noun::Machine(MachineVerb::List) => Request::MachineList,
        Noun::Machine(MachineVerb::Disable { access_key_id }) => {
            Request::MachineDisable { access_key_id }
        }
        Noun::Keys(KeysVerb::List) => Request::KeysList,
        Noun::Keys(KeysVerb::Rotate) => Request::KeysRotate,
        Noun::Store(StoreVerb::Copy) => bail!("it is no request: the service is stopped"),
        Noun::AcceptRollback => Request::RollbackAccept,
        Noun::Audit { since, limit } => Request::Audit {
            since: SystemClock.now().minus(since).epoch_seconds(),
            limit,
        },
        // The server has a working directory of its own.
        Noun::Backup { file } => Request::Backup {
            path: std::path::absolute(file)?,
        },
    })
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    text.with_context(|| format!("{} cannot be read", file.display()))
}

/// A directory file's text. Whoever owns the store checks it again, but knows no file name.
fn directory(file: &Path) -> anyhow::Result<String> {
    let text = read(file)?;
    directory_file::parse(&text).with_context(|| file.display().to_string())?;
    Ok(text)
}

fn password(file: Option<&Path>) -> anyhow::Result<String> {
    if let Some(file) = file {
        return Ok(read(file)?.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password; give --password-file FILE");
    }
    let first = rpassword::prompt_password("New password: ")?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first != second {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(first)
}

/// Asks the server that runs on the data directory, or does it here when none does.
async fn ask(
    paths: &Paths,
    applications: Vec<Application>,
    request: Request,
) -> Result<Answer, Exit> {
    let sent = socket::send(paths, &request).await;
    let sent = sent.with_context(|| {
        let socket = socket::path(&paths.data_dir);
        format!("the running server does not answer at {}", socket.display())
    });
    if let Some(answer) = sent.exit(TEMPORARY)? {
        return Ok(answer);
    }
    let (store, rolled_back) = Store::open(paths).await?;
    if let Some(lost) = rolled_back {
        output::note(&wiring::rolled_back(lost));
    }
    let keys = wiring::read_keys(paths, true)?;
    let ports = Ports::of_store(&store).await;
    let instance = Instance {
        issuers: Arc::new(NoIssuers),
        keys: wiring::keyring(&store, &keys, &ports).await?,
        credentials: wiring::vending(HashMap::new(), &ports),
        ports,
        links: Links::new("", keys.instance, "", &[]),
        policy: Policy {
            applications,
            ..Policy::default()
        },
    };
    let context = wiring::engine(&store, keys, instance).await?;
    Ok(execute(&Owner { context, store }, request).await)
}
