//! One guarded UPDATE a request, by one writer that puts all that waits into one commit.

use std::path::Path;

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::exchange::{Answer, ROWS, answer, row_of};

/// A row to write, and who waits for it.
type Job = (i64, oneshot::Sender<bool>);

/// How many may share a commit.
const AT_ONCE: usize = 256;

pub(super) fn router(directory: &Path) -> anyhow::Result<Router> {
    let mut connection = Connection::open(directory.join("ceiling.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE rows (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, secret BLOB NOT NULL) STRICT",
    )?;
    let filling = connection.transaction()?;
    for row in 0..ROWS {
        filling.execute(
            "INSERT INTO rows VALUES (?1, 0, zeroblob(200))",
            [i64::try_from(row)?],
        )?;
    }
    filling.commit()?;
    let (sender, receiver) = mpsc::channel(4_096);
    std::thread::spawn(move || write(&connection, receiver));
    Ok(Router::new()
        .route("/token", post(token))
        .with_state(sender))
}

async fn token(
    State(writer): State<mpsc::Sender<Job>>,
    body: Bytes,
) -> Result<Json<Answer>, StatusCode> {
    let row = row_of(&body).ok_or(StatusCode::BAD_REQUEST)?;
    let (sender, written) = oneshot::channel();
    let sent = writer.send((row, sender)).await;
    sent.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    answer(written.await.unwrap_or(false))
}

fn write(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while jobs.blocking_recv_many(&mut waiting, AT_ONCE) > 0 {
        let done = commit(connection, &waiting).unwrap_or_default();
        for (position, (_, sender)) in waiting.drain(..).enumerate() {
            let _ = sender.send(done.get(position).copied().unwrap_or(false));
        }
    }
}

fn commit(connection: &Connection, jobs: &[Job]) -> rusqlite::Result<Vec<bool>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut update = connection.prepare_cached(
        "UPDATE rows SET generation = generation + 1 WHERE id = ?1 AND generation >= 0",
    )?;
    let done: Result<Vec<bool>, _> = jobs
        .iter()
        .map(|(row, _)| Ok(update.execute([row])? == 1))
        .collect();
    connection.execute_batch("COMMIT")?;
    done
}
