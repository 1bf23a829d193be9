//! One guarded UPDATE a request, by one writer that puts all that waits into one commit.

use std::path::Path;

use axum::Router;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::exchange::{AT_ONCE, Job, ROWS, queue};

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
    let (router, jobs) = queue();
    std::thread::spawn(move || write(&connection, jobs));
    Ok(router)
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
