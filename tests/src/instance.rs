//! Instances of the built binary: `claviger dev`, and `claviger init` with `claviger serve`. Both
//! are called like a [`TestServer`](crate::TestServer).

use std::{net::SocketAddr, path::PathBuf, process::Command};

use serde_json::Value;

use crate::{
    aws::{Aws, Client, Device, Link, Tokens},
    browser::Browser,
    child::{self, Ended, Running},
    control::Control,
    http::{Connection, Request},
    room::{Room, free_port},
    secrets::Secrets,
};

pub use crate::secrets::PASSWORD;

/// The directory of every service: alice, two accounts, two roles in each, credentials from the
/// target `aws`.
pub const DIRECTORY: &str = include_str!("directory.toml");

/// A running `claviger dev --json`.
#[derive(Debug)]
pub struct Dev {
    /// The process.
    pub running: Running,
    /// Its first line.
    pub about: Value,
    link: Link,
}

impl Dev {
    /// Starts one in `room` with further arguments. It logs all it can, to be searched for secrets.
    #[track_caller]
    pub fn start(room: &Room, arguments: &[&str]) -> Self {
        let mut command = room.claviger(&["dev", "--json", "--log", "trace"]);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let secrets = Secrets::default();
        let running = Running::start_server(command.args(arguments), &secrets);
        let about = running.stdout_line(|line| serde_json::from_str::<Value>(line).ok());
        let issuer = about.get("issuer").and_then(Value::as_str);
        let link = link(issuer.expect("an issuer"), secrets);
        Self {
            running,
            about,
            link,
        }
    }

    /// A text of its first line.
    #[track_caller]
    pub fn text(&self, key: &str) -> String {
        let value = self.about.get(key).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no {key} in {}", self.about))
            .to_owned()
    }

    /// The way to it.
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// A caller of its API.
    pub fn aws(&self) -> Aws {
        Aws::new(self.link.clone(), self.text("start_url"))
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.link.clone(), self.text("issuer"))
    }

    /// A caller of its control API.
    pub fn control(&self) -> Control {
        Control {
            address: self.link.address,
            host: self.link.host.clone(),
            token: self.text("control_token"),
        }
    }
}

/// A data directory and key file, and the ports it is served on.
#[derive(Debug)]
pub struct Service {
    /// Where everything lies.
    pub room: Room,
    /// Where it listens while it runs.
    pub address: SocketAddr,
    /// Where operators find it.
    pub operators: SocketAddr,
    /// Further arguments of `serve`.
    pub arguments: Vec<String>,
    /// What the environment of `serve` holds besides.
    pub environment: Vec<(String, String)>,
    /// What its callers sent and received.
    pub secrets: Secrets,
    /// The address of the PostgreSQL that holds the store; none for the data directory.
    pub store: Option<String>,
    /// The address that people and programs know, where that is another node's.
    known_as: Option<String>,
}

impl Service {
    /// An instance that nobody has started, with the directory and alice's password.
    #[track_caller]
    pub fn init() -> Self {
        Self::init_in(None)
    }

    /// The same with its store in that PostgreSQL.
    #[track_caller]
    pub fn init_in(store: Option<String>) -> Self {
        let mut service = Self::at(Room::new());
        service.store = store;
        service.init_again().assert_code(0);
        service.room.write("directory.toml", DIRECTORY);
        service.admin(&["apply", "directory.toml"]).assert_code(0);
        service.room.write("password", PASSWORD);
        service
            .admin(&[
                "user",
                "set-password",
                "alice",
                "--password-file",
                "password",
            ])
            .assert_code(0);
        service
    }

    /// The instance in a room's `data` and `keys`.
    pub fn at(room: Room) -> Self {
        Self {
            room,
            address: SocketAddr::from(([127, 0, 0, 1], free_port())),
            operators: SocketAddr::from(([127, 0, 0, 1], free_port())),
            arguments: Vec::new(),
            environment: Vec::new(),
            secrets: Secrets::default(),
            store: None,
            known_as: None,
        }
    }

    /// A further node on the same PostgreSQL: it has the key file, and a data directory of its own.
    #[track_caller]
    #[must_use]
    pub fn further_node(&self) -> Self {
        let room = Room::new();
        let keys = |room: &Room| room.work().join("keys");
        std::fs::copy(keys(&self.room), keys(&room)).expect("the key file");
        room.write(
            "claviger.toml",
            &format!("public_url = \"{}\"\n", self.issuer()),
        );
        Self {
            arguments: vec!["--config".to_owned(), "claviger.toml".to_owned()],
            secrets: self.secrets.clone(),
            store: self.store.clone(),
            known_as: Some(self.issuer()),
            ..Self::at(room)
        }
    }

    /// The same, known by another address: that of a balancer, or of a way that can break. `settings` are
    /// the rest of its configuration.
    #[must_use]
    pub fn known_as(mut self, issuer: &str, settings: &str) -> Self {
        let settings = format!("public_url = \"{issuer}\"\n\n{settings}");
        self.room.write("claviger.toml", &settings);
        self.arguments = ["--config", "claviger.toml"].map(str::to_owned).into();
        self.known_as = Some(issuer.to_owned());
        self
    }

    /// Runs `claviger init` for it.
    #[track_caller]
    pub fn init_again(&self) -> Ended {
        child::run(&mut self.command(&["init", "--data-dir", "data", "--key-file", "keys"]))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.room.claviger(arguments);
        command.envs(self.store.iter().map(|store| ("CLAVIGER_STORE", store)));
        command
    }

    /// Runs `claviger admin` on it.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(&["admin", "--data-dir", "data", "--key-file", "keys"]);
        child::run(command.args(arguments))
    }

    /// A word of what the node remembers of a shared store (`store.witness`), counted from zero.
    pub fn remembers(&self, word: usize) -> Option<String> {
        let witness = self.room.work().join("data/store.witness");
        let text = std::fs::read_to_string(witness).unwrap_or_default();
        text.split_whitespace().nth(word).map(str::to_owned)
    }

    /// The command that serves.
    pub fn serving(&self) -> Command {
        let (address, operators) = (self.address.to_string(), self.operators.to_string());
        let mut command = self.command(&["serve", "--data-dir", "data", "--key-file", "keys"]);
        command.args(["--listen", &address, "--operator-listen", &operators]);
        command.envs(self.environment.iter().cloned());
        command.args(&self.arguments);
        command
    }

    /// Starts `claviger serve` on it, without waiting.
    #[track_caller]
    pub fn launch(&self) -> Running {
        Running::start_server(&mut self.serving(), &self.secrets)
    }

    /// Starts `claviger serve` on it, and waits until it is ready.
    pub async fn serve(&self) -> Running {
        self.wait_for(self.launch()).await
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let ready = Request::get("/ready");
        let answer = Connection::attempt(self.operators, "operators", &ready).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    /// Waits until what was started is ready.
    pub async fn wait_for(&self, mut running: Running) -> Running {
        let deadline = std::time::Instant::now() + child::PATIENCE;
        loop {
            if self.is_ready().await {
                return running;
            }
            let over = !running.is_alive() || std::time::Instant::now() > deadline;
            assert!(!over, "it is never ready:\n{}", running.stderr());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Where it is called.
    pub fn issuer(&self) -> String {
        let own = || format!("http://{}", self.address);
        self.known_as.clone().unwrap_or_else(own)
    }

    /// The way to it.
    pub fn link(&self) -> Link {
        Link {
            address: self.address,
            ..link(&self.issuer(), self.secrets.clone())
        }
    }

    /// A caller of its API.
    pub fn aws(&self) -> Aws {
        Aws::new(self.link(), format!("{}/start", self.issuer()))
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(self.link(), self.issuer())
    }

    /// Signs alice in on a device.
    pub async fn sign_in_device(&self) -> (Client, Tokens) {
        sign_in_device(&self.aws(), &mut self.browser()).await
    }

    /// The store's file.
    pub fn database(&self) -> PathBuf {
        self.room.work().join("data/claviger.db")
    }
}

/// Signs alice in on a device: register, start, sign in, approve, poll.
pub async fn sign_in_device(aws: &Aws, browser: &mut Browser) -> (Client, Tokens) {
    let client = aws.register().await;
    let device = aws.start_device(&client).await;
    approve(browser, &device).await;
    let tokens = Tokens::of(&aws.poll(&client, &device).await);
    (client, tokens)
}

/// Signs alice in at the browser and approves a device.
pub async fn approve(browser: &mut Browser, device: &Device) {
    browser.sign_in("alice", PASSWORD).await.assert_status(303);
    browser.approve(&device.user_code).await.assert_status(303);
}

fn link(issuer: &str, secrets: Secrets) -> Link {
    let (_, host) = issuer.split_once("://").expect("a URL");
    Link {
        address: host.parse().expect("an address"),
        host: host.to_owned(),
        secrets,
    }
}
