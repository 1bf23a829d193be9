//! A caller that takes "no answer" for an answer: client and browser in one.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use claviger_tests::{
    child::PATIENCE,
    evidence::Evidence,
    html::{self, Form},
    http::{Connection, Request, Response},
};
use serde_json::Value;

/// How long an answer may take before the next node is asked: longer than any server that is awake.
const IMPATIENCE: Duration = Duration::from_secs(5);

/// How often requests were answered and not answered: a run without the second proved nothing.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) answered: AtomicU64,
    /// Of these, those that said 503.
    pub(super) unavailable: AtomicU64,
    pub(super) unknown: AtomicU64,
    /// Answers that took the store.
    pub(super) stored: AtomicU64,
    /// Answers that said 500 or the like, which no fault may bring about.
    pub(super) failed: AtomicU64,
}

impl Tally {
    /// Adds to the evidence how callers were answered.
    pub(super) fn told(&self, evidence: Evidence) -> Evidence {
        let [answered, unavailable, unknown] = [&self.answered, &self.unavailable, &self.unknown]
            .map(|count| count.load(Ordering::Relaxed));
        evidence.answers(answered - unavailable, unavailable, unknown)
    }

    /// Counts what became of a request to `target`.
    fn count(&self, target: &str, response: Option<&Response>) {
        let one = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        let Some(response) = response else {
            one(&self.unknown);
            return;
        };
        one(&self.answered);
        match response.status.as_u16() {
            503 => {
                one(&self.unavailable);
            }
            500.. => {
                one(&self.failed);
            }
            // A device that waits is told so without the store.
            200 if ["/token", "/assignment/accounts"].contains(&target) => {
                one(&self.stored);
            }
            _ => {}
        }
    }
}

/// The way to the service, with a browser's cookies.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The nodes, asked in turn.
    nodes: Vec<SocketAddr>,
    turn: Arc<AtomicUsize>,
    host: String,
    tally: Arc<Tally>,
    from: String,
    cookies: BTreeMap<String, String>,
}

impl Caller {
    /// The way to one node, or to several in turn; the first has the address that all are known by.
    pub(super) fn new(nodes: &[SocketAddr], tally: Arc<Tally>) -> Self {
        Self {
            host: nodes.first().map(ToString::to_string).unwrap_or_default(),
            nodes: nodes.to_vec(),
            turn: Arc::default(),
            tally,
            from: "127.0.0.1".to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// Another one who comes from elsewhere, as a trusted proxy tells, and has no cookies.
    pub(super) fn elsewhere(&self, from: String) -> Self {
        Self {
            from,
            cookies: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// One attempt: a whole answer, or nothing.
    pub(super) async fn attempt(&self, request: &Request) -> Option<Response> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let node = self.nodes.get(turn % self.nodes.len()).expect("a node");
        let request = request.clone().header("X-Forwarded-For", &self.from);
        let attempt = Connection::attempt(*node, &self.host, &request);
        let response = tokio::time::timeout(IMPATIENCE, attempt).await;
        let response = response.unwrap_or_default();
        self.tally.count(request.target(), response.as_ref());
        response
    }

    /// The first answer that is not "no answer" and not 503, and whether an earlier attempt may
    /// have had its effect.
    pub(super) async fn insist(&self, request: &Request) -> Result<(Response, bool), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut retried = false;
        while Instant::now() < deadline {
            match self.attempt(request).await {
                Some(response) if response.status != 503 => return Ok((response, retried)),
                // What became of a commit may be as unknown to the server.
                Some(_) | None => retried = true,
            }
            pause().await;
        }
        Err(format!(
            "no answer to {} for {PATIENCE:?}",
            request.target()
        ))
    }

    /// A call of the API, until it is answered.
    pub(super) async fn call(&self, path: &str, body: &Value) -> Result<(Response, bool), String> {
        self.insist(&Request::post(path).json(body)).await
    }

    /// One attempt to open a page.
    pub(super) async fn open(&mut self, path: &str) -> Option<Response> {
        let request = self.dress(Request::get(path));
        let response = self.attempt(&request).await?;
        self.keep_cookies(&response);
        Some(response)
    }

    /// One attempt to send a form.
    pub(super) async fn send(&mut self, form: &Form) -> Option<Response> {
        let request = Request::post(&form.action)
            .header("Origin", format!("http://{}", self.host))
            .form(&form.fields);
        let response = self.attempt(&self.dress(request)).await?;
        self.keep_cookies(&response);
        Some(response)
    }

    /// One attempt to sign in.
    pub(super) async fn sign_in(&mut self, user: &str, password: &str) -> Option<Response> {
        let page = self.open("/sign-in").await?;
        let form = form(&page, "/sign-in")?;
        let form = form
            .fill_first("text", user)
            .fill_first("password", password);
        self.send(&form).await
    }

    /// One attempt to approve a user code; whether it had an effect shows at the next poll.
    pub(super) async fn approve(&mut self, user_code: &str) -> Option<Response> {
        let page = self.open("/device").await?;
        let look_up = form(&page, "/device")?.fill_first("text", user_code);
        let page = self.send(&look_up).await?;
        if page.status == 429 {
            return Some(page);
        }
        let approve = form(&page, "/device/approve")?;
        self.send(&approve).await
    }

    fn dress(&self, request: Request) -> Request {
        let request = request.header("Accept", "text/html");
        if self.cookies.is_empty() {
            return request;
        }
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        request.header("Cookie", pairs.collect::<Vec<_>>().join("; "))
    }

    fn keep_cookies(&mut self, response: &Response) {
        for cookie in response.values("set-cookie") {
            let pair = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies
                    .insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

/// A breath between two attempts: asking without one would only slow a server that starts.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

fn form(page: &Response, action: &str) -> Option<Form> {
    html::forms(page.text())
        .into_iter()
        .find(|form| form.action == action)
}
