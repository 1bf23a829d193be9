//! What is measured: who asks for what, and what is due.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    credentials,
    http::Connection,
    load::{Outcome, Worker},
    service::{SEES, Service, TYPISTS, typist},
    sign_in::{Browser, Client, Device, Tokens},
};

/// Registers clients.
pub(crate) struct Registering(pub(crate) Connection);

impl Worker for Registering {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let client = Client::register(&mut self.0).await?;
        ensure!(
            !client.id.is_empty() && !client.secret.is_empty(),
            "a client without a name"
        );
        Ok(Outcome::Done)
    }
}

/// Begins device sign-ins, and keeps what it was told.
pub(crate) struct Starting {
    pub(crate) connection: Connection,
    pub(crate) client: Client,
    pub(crate) start_url: Arc<str>,
    /// And how often each has asked.
    pub(crate) devices: VecDeque<(Device, usize)>,
}

impl Worker for Starting {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let device = self
            .client
            .start(&mut self.connection, &self.start_url)
            .await?;
        self.devices.push_back((device, 0));
        Ok(Outcome::Done)
    }
}

/// How often each device asks: one more within its interval would be told to slow down.
const POLLS: usize = 4;

/// Asks for devices that nobody has approved, each in turn.
pub(crate) struct Polling(pub(crate) Starting);

impl Worker for Polling {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some((device, polls)) = self.0.devices.pop_front() else {
            return Ok(Outcome::Out);
        };
        let body = self.0.client.polling(&device.device_code);
        if polls + 1 < POLLS {
            self.0.devices.push_back((device, polls + 1));
        }
        let answer = self.0.connection.call("/token", &body).await?;
        let told: Value = serde_json::from_slice(&answer.body)?;
        let is_pending =
            answer.status == StatusCode::BAD_REQUEST && told["error"] == "authorization_pending";
        ensure!(is_pending, "{}: {told}", answer.status);
        Ok(Outcome::Done)
    }
}

/// A session, and the newest token of it.
#[derive(Clone)]
pub(crate) struct Chain {
    client: Client,
    pub(crate) tokens: Tokens,
    /// Its last rotations, the newest first.
    rotations: [Option<Instant>; ROTATIONS],
}

/// How often a session may rotate within [`MINUTE`]; after that it keeps its token for a while.
const ROTATIONS: usize = 4;

const MINUTE: Duration = Duration::from_secs(61);

impl Chain {
    fn of(client: Client, tokens: Tokens) -> Self {
        Self {
            client,
            tokens,
            rotations: [None; ROTATIONS],
        }
    }

    /// The form that asks what its access token is worth. Nothing in it has to be escaped.
    pub(crate) fn introspecting(&self) -> Bytes {
        let (client, token) = (&self.client, &self.tokens.access_token);
        let form = format!(
            "client_id={}&client_secret={}&token={token}",
            client.id, client.secret
        );
        form.into()
    }

    fn may_rotate(&self) -> bool {
        let [.., first] = self.rotations;
        first.is_none_or(|first| first.elapsed() > MINUTE)
    }

    /// Goes on with newer tokens.
    fn rotate(&mut self, tokens: Tokens) -> anyhow::Result<()> {
        ensure!(
            tokens.refresh_token != self.tokens.refresh_token,
            "no rotation"
        );
        self.tokens = tokens;
        self.rotations.rotate_right(1);
        self.rotations[0] = Some(Instant::now());
        Ok(())
    }
}

/// The first that may rotate now.
fn next(chains: &mut VecDeque<Chain>) -> Option<Chain> {
    let place = chains.iter().position(Chain::may_rotate)?;
    chains.remove(place)
}

/// Refreshes sessions in turn, each with its newest token: every answer is a rotation with its commit.
pub(crate) struct Refreshing {
    pub(crate) connection: Connection,
    pub(crate) chains: VecDeque<Chain>,
}

impl Worker for Refreshing {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some(mut chain) = next(&mut self.chains) else {
            return Ok(Outcome::Out);
        };
        let body = chain.client.refreshing(&chain.tokens.refresh_token);
        let refreshed: anyhow::Result<Tokens> = match self.connection.call("/token", &body).await {
            Ok(answer) => answer.read(),
            Err(error) => Err(error),
        };
        let rotated = refreshed.and_then(|tokens| chain.rotate(tokens));
        self.chains.push_back(chain);
        rotated.map(|()| Outcome::Done)
    }
}

/// Refreshes one session over many connections at once with the same token, as the processes of one machine do.
pub(crate) struct Storming {
    pub(crate) connections: Vec<Connection>,
    pub(crate) chains: VecDeque<Chain>,
}

impl Worker for Storming {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some(mut chain) = next(&mut self.chains) else {
            return Ok(Outcome::Out);
        };
        let body = chain.client.refreshing(&chain.tokens.refresh_token);
        let asking = self.connections.iter_mut().map(async |connection| {
            let answer = connection.call("/token", &body).await?;
            answer.read::<Tokens>()
        });
        let answers = try_join_all(asking).await;
        let judged = answers.and_then(|answers| {
            let first = answers.first().context("no answer")?;
            let is_one = |tokens: &Tokens| tokens.refresh_token == first.refresh_token;
            ensure!(
                answers.iter().all(is_one),
                "racers were told different tokens"
            );
            chain.rotate(first.clone())
        });
        self.chains.push_back(chain);
        judged.map(|()| Outcome::Done)
    }
}

/// Signs a person's devices in, one after the other.
pub(crate) struct SigningIn {
    connection: Connection,
    browser: Browser,
    client: Client,
    start_url: String,
}

impl SigningIn {
    /// With a browser in which the person is signed in.
    pub(crate) async fn of(service: &Service, name: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(service.running.address).await?;
        let browser = Browser::of(&mut connection, &service.origin, name).await?;
        let client = Client::register(&mut connection).await?;
        Ok(Self {
            connection,
            browser,
            client,
            start_url: service.start_url(),
        })
    }

    /// A device starts, is approved, and gets its tokens.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Chain> {
        let device = self
            .client
            .start(&mut self.connection, &self.start_url)
            .await?;
        self.browser.approve(&mut self.connection, &device).await?;
        let body = self.client.polling(&device.device_code);
        let tokens = self.connection.call("/token", &body).await?.read()?;
        Ok(Chain::of(self.client.clone(), tokens))
    }
}

impl Worker for SigningIn {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        self.next().await.map(|_| Outcome::Done)
    }
}

/// Signs applications in, one after the other.
pub(crate) struct Authorizing {
    connection: Connection,
    browser: Browser,
    client: Client,
}

impl Authorizing {
    /// With a browser in which the person is signed in.
    pub(crate) async fn of(service: &Service, name: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(service.running.address).await?;
        let browser = Browser::of(&mut connection, &service.origin, name).await?;
        let client = Client::register_for_codes(&mut connection, &service.start_url()).await?;
        Ok(Self {
            connection,
            browser,
            client,
        })
    }
}

impl Worker for Authorizing {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let code = self
            .browser
            .allow(&mut self.connection, &self.client)
            .await?;
        let body = self.client.redeeming(&code);
        let tokens: Tokens = self.connection.call("/token", &body).await?.read()?;
        ensure!(!tokens.access_token.is_empty(), "no token");
        Ok(Outcome::Done)
    }
}

/// Asks what an access token is worth.
pub(crate) struct Introspecting {
    pub(crate) connection: Connection,
    pub(crate) body: Bytes,
}

impl Worker for Introspecting {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self
            .connection
            .send(Method::POST, "/introspect", &form, self.body.clone())
            .await?;
        let told: Value = answer.read()?;
        ensure!(told["active"] == true, "{told}");
        Ok(Outcome::Done)
    }
}

/// Lists the accounts of a person who sees so many.
pub(crate) struct Listing {
    pub(crate) connection: Connection,
    pub(crate) access: Arc<str>,
    pub(crate) sees: usize,
}

/// A page of accounts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    account_list: Vec<Account>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_id: String,
}

/// The most that one page holds.
const PAGE: usize = 100;

impl Worker for Listing {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        list(&mut self.connection, &self.access, self.sees).await
    }
}

async fn list(connection: &mut Connection, access: &str, sees: usize) -> anyhow::Result<Outcome> {
    let answer = connection.look("/assignment/accounts", access).await?;
    let page: Page = answer.read()?;
    let due = sees.min(PAGE);
    let are_there = page
        .account_list
        .iter()
        .all(|account| account.account_id.len() == 12);
    ensure!(
        page.account_list.len() == due && are_there,
        "{} accounts",
        page.account_list.len()
    );
    ensure!(
        page.next_token.is_some() == (sees > PAGE),
        "another number of pages"
    );
    Ok(Outcome::Done)
}

/// What a company's machines ask for on a working day: of twenty calls, ten refreshes, five ListAccounts, three
/// GetRoleCredentials, a RegisterClient and a StartDeviceAuthorization.
pub(crate) struct Mixing {
    pub(crate) refreshing: Refreshing,
    pub(crate) client: Client,
    pub(crate) start_url: Arc<str>,
    /// Of a person who sees as many accounts as the first of [`SEES`].
    pub(crate) access: Arc<str>,
    pub(crate) step: usize,
}

impl Worker for Mixing {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        self.step += 1;
        if self.step.is_multiple_of(2) {
            return self.refreshing.once().await;
        }
        let connection = &mut self.refreshing.connection;
        match self.step % 20 {
            1 => Client::register(connection).await.map(drop)?,
            3 => {
                self.client.start(connection, &self.start_url).await?;
            }
            5 | 11 | 17 => credentials::ask_again(connection, &self.access).await?,
            _ => return list(connection, &self.access, SEES[0]).await,
        }
        Ok(Outcome::Done)
    }
}

/// Asks a ceiling what a refresh would ask.
pub(crate) struct Asking {
    pub(crate) connection: Connection,
    pub(crate) row: u64,
    pub(crate) step: u64,
}

impl Worker for Asking {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        self.row = (self.row + self.step) % crate::ceiling::ROWS;
        // As long as what a client sends.
        let body = json!({
            "clientId": "cvc1.AStQWpyNNptxAGsKu14Aa4FiXgUAAXgAEnNzbzphY2NvdW50OmFjY2Vzc4UvKGKDzfRN8obBJxj7m0o",
            "clientSecret": "cvs1.AYZx9bcWseR1I6It1nVH_yb3EA9IIAFerB_r6c_nkzn9",
            "grantType": "refresh_token",
            "refreshToken": format!("{:080}", self.row),
        });
        let tokens: Tokens = self.connection.call("/token", &body).await?.read()?;
        ensure!(!tokens.access_token.is_empty(), "no token");
        Ok(Outcome::Done)
    }
}

/// So many connections.
pub(crate) async fn connect(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Connection>> {
    try_join_all((0..count).map(|_| Connection::open(address))).await
}

/// Signs devices in, many at once; `tell` hears how many there are.
pub(crate) async fn sign_in_many(
    service: &Service,
    count: usize,
    tell: impl Fn(usize),
) -> anyhow::Result<Vec<Chain>> {
    let done = AtomicUsize::new(0);
    let (done, tell) = (&done, &tell);
    let many = (0..TYPISTS).map(async |number| {
        let mut signing = SigningIn::of(service, &typist(number)).await?;
        let mut chains = Vec::new();
        for _ in (number..count).step_by(TYPISTS) {
            chains.push(signing.next().await?);
            tell(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        anyhow::Ok(chains)
    });
    Ok(try_join_all(many).await?.concat())
}
