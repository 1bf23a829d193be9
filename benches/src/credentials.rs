//! GetRoleCredentials: of sessions that have none yet, of one that has, and of many processes at once.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Method;
use serde::Deserialize;

use crate::{
    ceiling::ASKED,
    http::Connection,
    load::{Outcome, Worker},
    service::{PROMPT, SEES, account},
};

/// What a session may ask for: each of these is another role, of which the server has nothing yet.
#[derive(Clone)]
pub(crate) struct Roles {
    pub(crate) access: Arc<str>,
    /// How many were asked for.
    asked: usize,
}

impl Roles {
    pub(crate) fn of(access: &str) -> Self {
        Self {
            access: access.into(),
            asked: 0,
        }
    }

    /// The path of the next one; nothing when all were asked for.
    fn next(&mut self, role: &str) -> Option<String> {
        let account = (self.asked < SEES[0]).then(|| account(self.asked))?;
        self.asked += 1;
        Some(target(&account, role))
    }
}

fn target(account: &str, role: &str) -> String {
    format!("/federation/credentials?account_id={account}&role_name={role}")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    role_credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    access_key_id: String,
    session_token: String,
    expiration: u64,
}

async fn ask(connection: &mut Connection, target: &str, access: &str) -> anyhow::Result<()> {
    let given: Given = connection.look(target, access).await?.read()?;
    let given = given.role_credentials;
    ensure!(
        given.access_key_id.starts_with("ASIA")
            && given.session_token.ends_with("token")
            && given.expiration > 0,
        "credentials that the STS did not give"
    );
    Ok(())
}

/// Roles that nobody has asked for.
pub(crate) struct Unasked {
    pub(crate) sessions: VecDeque<Roles>,
    pub(crate) role: &'static str,
}

impl Unasked {
    /// A role that nobody has asked for, and the token for it.
    fn next(&mut self) -> Option<(String, Arc<str>)> {
        loop {
            let session = self.sessions.front_mut()?;
            if let Some(target) = session.next(self.role) {
                return Some((target, Arc::clone(&session.access)));
            }
            self.sessions.pop_front();
        }
    }
}

/// Asks for roles that were not asked for before: each answer comes from the STS.
pub(crate) struct Cold {
    pub(crate) connection: Connection,
    pub(crate) unasked: Unasked,
}

impl Worker for Cold {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some((target, access)) = self.unasked.next() else {
            return Ok(Outcome::Out);
        };
        ask(&mut self.connection, &target, &access).await?;
        Ok(Outcome::Done)
    }
}

/// Asks for the same role again.
pub(crate) struct Kept {
    pub(crate) connection: Connection,
    pub(crate) access: Arc<str>,
}

impl Worker for Kept {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        ask_again(&mut self.connection, &self.access).await?;
        Ok(Outcome::Done)
    }
}

/// Asks for the role of which a person's every session asks most.
pub(crate) async fn ask_again(connection: &mut Connection, access: &str) -> anyhow::Result<()> {
    ask(connection, &target(&account(0), PROMPT), access).await
}

/// Processes that all ask for one role at once, again and again: another one each time.
pub(crate) struct Crowd {
    pub(crate) connections: Vec<Connection>,
    pub(crate) unasked: Unasked,
}

impl Worker for Crowd {
    async fn once(&mut self) -> anyhow::Result<Outcome> {
        let Some((target, access)) = self.unasked.next() else {
            return Ok(Outcome::Out);
        };
        let asking = self
            .connections
            .iter_mut()
            .map(|connection| ask(connection, &target, &access));
        try_join_all(asking).await?;
        Ok(Outcome::Done)
    }
}

/// How often an STS was asked.
pub(crate) async fn asked(sts: SocketAddr) -> anyhow::Result<u64> {
    let mut connection = Connection::open(sts).await?;
    let answer = connection
        .send(Method::GET, ASKED, &[], Bytes::new())
        .await?;
    let text = std::str::from_utf8(&answer.body)?;
    text.parse().context("no number")
}
