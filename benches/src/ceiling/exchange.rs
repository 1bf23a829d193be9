//! What all ceilings are asked, and what they answer.

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// How statements go to PostgreSQL.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Way {
    /// One a request, over sixteen connections
    Each,
    /// Those that wait, in one statement
    Batched,
}

/// What is asked: that of a refresh.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    grant_type: &'a str,
    refresh_token: &'a str,
}

/// What is answered: as long as an answer of CreateToken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    access_token: &'static str,
    expires_in: u32,
    refresh_token: &'static str,
    token_type: &'static str,
}

const ANSWER: Answer = Answer {
    access_token: "cva1.AX9cbAQ4efLukYJVpv-JwHFvkSP1hgUuUzlHx8CMIYGIGWDGMLtJYmdkCilSt1vjvIjcZwAX9cbAQ4efLukYJ",
    expires_in: 3600,
    refresh_token: "cvr1.AX9cbAQ4efLukYJVpv-JwHFvkSP1hgUuUzlHx8CMIYGIGWDGMLtJYmdkCilSt1vjvIjcZwAX9cbAQ4efLukYJ",
    token_type: "Bearer",
};

/// Rows that updates are spread over.
pub(crate) const ROWS: u64 = 30_000;

/// The row that a request names; nothing for a body that is not understood.
pub(super) fn row_of(body: &[u8]) -> Option<i64> {
    let asked: Asked<'_> = serde_json::from_slice(body).ok()?;
    let known = !asked.client_id.is_empty()
        && !asked.client_secret.is_empty()
        && asked.grant_type == "refresh_token";
    known.then(|| asked.refresh_token.parse().ok()).flatten()
}

pub(super) fn answer(done: bool) -> Result<Json<Answer>, StatusCode> {
    if done {
        Ok(Json(ANSWER))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

/// A row to write, and who waits for it.
pub(super) type Job = (i64, oneshot::Sender<bool>);

/// How many may be written at once.
pub(super) const AT_ONCE: usize = 256;

/// A server that hands what it is asked to one writer, and waits for it.
pub(super) fn queue() -> (Router, mpsc::Receiver<Job>) {
    let (sender, jobs) = mpsc::channel(4_096);
    let router = Router::new()
        .route("/token", post(queued))
        .with_state(sender);
    (router, jobs)
}

async fn queued(
    State(writer): State<mpsc::Sender<Job>>,
    body: Bytes,
) -> Result<Json<Answer>, StatusCode> {
    let row = row_of(&body).ok_or(StatusCode::BAD_REQUEST)?;
    let (sender, written) = oneshot::channel();
    let sent = writer.send((row, sender)).await;
    sent.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    answer(written.await.unwrap_or(false))
}
