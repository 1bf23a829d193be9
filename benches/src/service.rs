//! An instance of the built server, with people and accounts, and without limits that one machine would meet.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::process::{Running, free_address};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// People who see so many accounts.
pub(crate) const SEES: [usize; 3] = [5, 50, 500];

/// People whose devices are signed in at once: nobody may type many codes in parallel.
pub(crate) const TYPISTS: usize = 16;

/// Settings that open the limits: all requests come from one address.
const SETTINGS: &str = "[log]\nfilter = \"warn\"\n\n\
    [limits]\ndevices_per_network = 10000000\ndevices_per_client = 10000000\ndevices = 10000000\n\
    sign_ins_per_network = 1000000\nregistrations_per_network = 1000000000\nsessions_per_user = 1000000\n";

/// A server that runs.
pub(crate) struct Service {
    pub(crate) running: Running,
    pub(crate) origin: String,
}

impl Service {
    /// A new instance in `room`; its store is there, or in the PostgreSQL at `store`.
    pub(crate) fn start(binary: &Path, room: &Path, store: Option<&str>) -> anyhow::Result<Self> {
        fs::create_dir_all(room)?;
        let (address, operators) = (free_address()?, free_address()?);
        let origin = format!("http://{address}");
        let settings = format!(
            "public_url = \"{origin}\"\nlisten = \"{address}\"\noperator_listen = \"{operators}\"\n\
             data_dir = \"data\"\nkey_file = \"keys\"\n\n{SETTINGS}"
        );
        fs::write(room.join("claviger.toml"), settings)?;
        fs::write(room.join("directory.toml"), directory())?;
        fs::write(room.join("password"), PASSWORD)?;
        let claviger = |arguments: &[&str]| {
            let mut command = Command::new(binary);
            command.args(arguments).args(["--config", "claviger.toml"]);
            command.current_dir(room);
            command.envs(store.iter().map(|store| ("CLAVIGER_STORE", store)));
            command
        };
        must(&mut claviger(&["init"]))?;
        must(&mut claviger(&["admin", "apply", "directory.toml"]))?;
        for name in SEES.map(person).into_iter().chain((0..TYPISTS).map(typist)) {
            let file = ["--password-file", "password"];
            must(claviger(&["admin", "user", "set-password", &name]).args(file))?;
        }
        let log = fs::File::create(room.join("log"))?;
        let mut serve = claviger(&["serve"]);
        serve.stdout(Stdio::null()).stderr(log);
        let running = Running::start(&mut serve, address)?;
        Ok(Self { running, origin })
    }

    pub(crate) fn start_url(&self) -> String {
        format!("{}/start", self.origin)
    }
}

/// Who sees so many accounts.
pub(crate) fn person(sees: usize) -> String {
    format!("sees-{sees}")
}

/// Who signs devices in, and sees as many accounts as the first of [`SEES`].
pub(crate) fn typist(number: usize) -> String {
    format!("typist-{number}")
}

/// The directory file: accounts with a role each, of which each person has the first so many.
fn directory() -> String {
    let mut text = String::new();
    let typists: Vec<String> = (0..TYPISTS).map(typist).collect();
    for name in SEES.map(person).iter().chain(&typists) {
        let _ = write!(
            text,
            "[[user]]\nname = \"{name}\"\ndisplay_name = \"{name}\"\n\n"
        );
    }
    for account in 0..500 {
        let mut users: Vec<String> = SEES
            .into_iter()
            .filter(|sees| account < *sees)
            .map(person)
            .collect();
        if account < SEES[0] {
            users.extend(typists.clone());
        }
        let users: Vec<String> = users.iter().map(|name| format!("\"{name}\"")).collect();
        let id = 100_000_000_000_u64 + account as u64;
        let _ = write!(
            text,
            "[[account]]\nid = \"{id}\"\nname = \"Account {account}\"\nemail = \"account-{account}@example.org\"\n\n\
             [[account.role]]\nname = \"Developer\"\narn = \"arn:aws:iam::{id}:role/Developer\"\n\
             duration = \"1h\"\nusers = [{}]\n\n",
            users.join(", ")
        );
    }
    text
}

fn must(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// The binary to measure.
pub(crate) fn binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = given.unwrap_or_else(|| PathBuf::from("target/release/claviger"));
    path.canonicalize().with_context(|| {
        format!(
            "{} is not there: build it, or name another --claviger",
            path.display()
        )
    })
}
