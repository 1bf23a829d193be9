//! Deciding by somebody who sits there.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use url::Url;

use super::decision::{Decision, address};
use crate::flaw::{Checked, Flaw};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the person's browser shows at the end.
const PAGE: &str = "<!doctype html><title>Done</title><p>Thank you. You can close this page.";

/// Somebody who opens pages and presses buttons, and hears what to do through `tell`.
#[derive(Debug)]
pub struct Person {
    listener: TcpListener,
    port: u16,
    tell: fn(&str),
}

impl Person {
    /// Listens on a free port of loopback, where applications would.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub async fn new(tell: fn(&str)) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self {
            listener,
            port,
            tell,
        })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn decide(
        &self,
        user_code: &str,
        address: &str,
        decision: Decision,
    ) -> Checked {
        let word = word(decision);
        (self.tell)(&format!(
            "  Open {address}\n  {word} the code {user_code}, then press Enter here."
        ));
        let entered =
            tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        match entered.await {
            Ok(Ok(1..)) => Ok(()),
            _ => Err(Flaw::Skipped("nobody is there to decide".to_owned())),
        }
    }

    pub(super) async fn authorize(&self, url: &str, decision: Decision) -> Checked<Url> {
        let word = word(decision);
        (self.tell)(&format!("  Open {url}\n  {word} it."));
        let late = |_| {
            let seconds = PATIENCE.as_secs();
            Flaw::Skipped(format!("no browser came back within {seconds} seconds"))
        };
        let came = tokio::time::timeout(PATIENCE, self.come_back())
            .await
            .map_err(late)?;
        let target =
            came.map_err(|error| Flaw::Skipped(format!("the browser was lost: {error}")))?;
        address(&format!("http://127.0.0.1:{}{target}", self.port))
    }

    /// Waits for a browser that comes with an answer; what else it asks for (an icon) is let go.
    async fn come_back(&self) -> std::io::Result<String> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let page = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{PAGE}",
                PAGE.len()
            );
            stream.get_mut().write_all(page.as_bytes()).await?;
            stream.get_mut().shutdown().await?;
            let target = line.split(' ').nth(1).unwrap_or_default();
            if target.contains("state=") || target.contains("error=") {
                return Ok(target.to_owned());
            }
        }
    }
}

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "Approve",
        Decision::Deny => "Deny",
    }
}
