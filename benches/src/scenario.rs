//! What is measured: who asks for what, and what is due.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::Connection,
    load::{Outcome, Worker},
    service::{Service, TYPISTS, typist},
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
    pub(crate) devices: VecDeque<Device>,
}

impl Worker for Starting {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let device = self
            .client
            .start(&mut self.connection, &self.start_url)
            .await?;
        self.devices.push_back(device);
        Ok(Outcome::Done)
    }
}

/// Asks for devices that nobody has approved, each once: a second time within its interval is another answer.
pub(crate) struct Polling(pub(crate) Starting);

impl Worker for Polling {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some(device) = self.0.devices.pop_front() else {
            return Ok(Outcome::Out);
        };
        let body = self.0.client.polling(&device.device_code);
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
    pub(crate) client: Client,
    pub(crate) tokens: Tokens,
}

/// Refreshes sessions in turn, each with its newest token: every answer is a rotation with its commit.
pub(crate) struct Refreshing {
    pub(crate) connection: Connection,
    pub(crate) chains: VecDeque<Chain>,
    left: usize,
}

impl Refreshing {
    /// Twice each at most: a session that was rotated four times within a minute keeps its token for a while.
    pub(crate) fn of(connection: Connection, chains: VecDeque<Chain>) -> Self {
        Self {
            connection,
            left: 2 * chains.len(),
            chains,
        }
    }
}

impl Worker for Refreshing {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(Outcome::Out);
        };
        self.left = left;
        let mut chain = self.chains.pop_front().context("no session")?;
        let body = chain.client.refreshing(&chain.tokens.refresh_token);
        let refreshed: anyhow::Result<Tokens> = match self.connection.call("/token", &body).await {
            Ok(answer) => answer.read(),
            Err(error) => Err(error),
        };
        let judged = refreshed.and_then(|tokens| {
            ensure!(
                tokens.refresh_token != chain.tokens.refresh_token,
                "no rotation"
            );
            chain.tokens = tokens;
            Ok(Outcome::Done)
        });
        self.chains.push_back(chain);
        judged
    }
}

/// Refreshes one session over many connections at once with the same token, as the processes of one machine do.
pub(crate) struct Storming {
    pub(crate) connections: Vec<Connection>,
    pub(crate) chains: VecDeque<Chain>,
}

impl Worker for Storming {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let mut chain = self.chains.pop_front().context("no session")?;
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
            ensure!(
                first.refresh_token != chain.tokens.refresh_token,
                "no rotation"
            );
            chain.tokens = first.clone();
            Ok(Outcome::Done)
        });
        self.chains.push_back(chain);
        judged
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
        let client = self.client.clone();
        Ok(Chain { client, tokens })
    }
}

impl Worker for SigningIn {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        self.next().await.map(|_| Outcome::Done)
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
        let answer = self
            .connection
            .look("/assignment/accounts", &self.access)
            .await?;
        let page: Page = answer.read()?;
        let due = self.sees.min(PAGE);
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
            page.next_token.is_some() == (self.sees > PAGE),
            "another number of pages"
        );
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
