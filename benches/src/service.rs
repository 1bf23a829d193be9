//! An instance of the built server, with people and accounts, and without limits that one machine would meet.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::process::{Running, free_address};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// People who see so many accounts.
pub(crate) const SEES: [usize; 3] = [5, 50, 500];

/// The role whose credentials come at once.
pub(crate) const PROMPT: &str = "Developer";

/// The role whose credentials take 20 ms.
pub(crate) const PATIENT: &str = "Patient";

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
    binary: PathBuf,
    room: PathBuf,
    store: Option<String>,
}

impl Service {
    /// A new instance in `room`; its store is there, or in the PostgreSQL at `store`.
    /// Roles named [`PROMPT`] and [`PATIENT`] are given out by these two STS.
    pub(crate) fn start(
        binary: &Path,
        room: &Path,
        store: Option<&str>,
        sts: [SocketAddr; 2],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(room)?;
        let (address, operators) = (free_address()?, free_address()?);
        let origin = format!("http://{address}");
        let settings = format!(
            "public_url = \"{origin}\"\nlisten = \"{address}\"\noperator_listen = \"{operators}\"\n\
             data_dir = \"data\"\nkey_file = \"keys\"\n\n{SETTINGS}\n{}\n{}",
            target("aws", sts[0]),
            target("slow", sts[1])
        );
        fs::write(room.join("claviger.toml"), settings)?;
        fs::write(room.join("directory.toml"), directory())?;
        fs::write(room.join("password"), PASSWORD)?;
        let claviger = |arguments: &[&str]| command(binary, room, store, arguments);
        must(&mut claviger(&["init"]))?;
        must(&mut claviger(&["admin", "apply", "directory.toml"]))?;
        for name in SEES.map(person).into_iter().chain((0..TYPISTS).map(typist)) {
            let file = ["--password-file", "password"];
            must(claviger(&["admin", "user", "set-password", &name]).args(file))?;
        }
        Ok(Self {
            running: serve(binary, room, store, address)?,
            origin,
            binary: binary.to_owned(),
            room: room.to_owned(),
            store: store.map(str::to_owned),
        })
    }

    /// The same service after something was done to its store while it did not run.
    pub(crate) async fn stopped_for(
        mut self,
        work: impl AsyncFnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let address = self.running.address;
        self.running.stop()?;
        work(&self.room.join("data/claviger.db")).await?;
        self.running = serve(&self.binary, &self.room, self.store.as_deref(), address)?;
        Ok(self)
    }

    pub(crate) fn start_url(&self) -> String {
        format!("{}/start", self.origin)
    }
}

fn command(binary: &Path, room: &Path, store: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).args(["--config", "claviger.toml"]);
    command.current_dir(room);
    command.envs(store.iter().map(|store| ("CLAVIGER_STORE", store)));
    command
}

fn serve(
    binary: &Path,
    room: &Path,
    store: Option<&str>,
    address: SocketAddr,
) -> anyhow::Result<Running> {
    let log = fs::File::create(room.join("log"))?;
    let mut serve = command(binary, room, store, &["serve"]);
    serve.stdout(Stdio::null()).stderr(log);
    Running::start(&mut serve, address)
}

/// The settings of an STS.
fn target(name: &str, sts: SocketAddr) -> String {
    format!(
        "[targets.{name}]\nendpoint = \"http://{sts}\"\nregion = \"us-east-1\"\n\
         access_key_id = \"AKIAEXAMPLE\"\nsecret_access_key = \"secret\"\n"
    )
}

/// The id of an account.
pub(crate) fn account(number: usize) -> String {
    format!("{}", 100_000_000_000_u64 + number as u64)
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
    for number in 0..500 {
        let mut users: Vec<String> = SEES
            .into_iter()
            .filter(|sees| number < *sees)
            .map(person)
            .collect();
        let is_for_all = number < SEES[0];
        if is_for_all {
            users.extend(typists.clone());
        }
        let users: Vec<String> = users.iter().map(|name| format!("\"{name}\"")).collect();
        let (id, users) = (account(number), users.join(", "));
        let _ = write!(
            text,
            "[[account]]\nid = \"{id}\"\nname = \"Account {number}\"\nemail = \"account-{number}@example.org\"\n\n\
             [[account.role]]\nname = \"{PROMPT}\"\narn = \"arn:aws:iam::{id}:role/{PROMPT}\"\n\
             duration = \"1h\"\nusers = [{users}]\n\n"
        );
        if is_for_all {
            let _ = write!(
                text,
                "[[account.role]]\nname = \"{PATIENT}\"\narn = \"arn:aws:iam::{id}:role/{PATIENT}\"\n\
                 target = \"slow\"\nduration = \"1h\"\nusers = [{users}]\n\n"
            );
        }
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
