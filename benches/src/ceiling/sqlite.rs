//! One guarded UPDATE a request, by one writer that puts all that waits into one commit.

use std::path::Path;

use axum::Router;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::exchange::{AT_ONCE, Job, ROWS, queue};

/// Which rows lie beside each other.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Layout {
    /// Those that are asked for one after the other: many share a page
    Together,
    /// None that have to do with each other, as rows lie whose ids are chance: each is on a page of its own
    Apart,
}

impl Layout {
    fn id(self, row: i64) -> [u8; 8] {
        match self {
            Self::Together => row,
            // Odd factors lose nothing, and neighbours are none any more.
            Self::Apart => row.wrapping_mul(0x1e37_79b9_7f4a_7c15),
        }
        .to_be_bytes()
    }
}

pub(super) fn router(directory: &Path, layout: Layout) -> anyhow::Result<Router> {
    let mut connection = Connection::open(directory.join(format!("{layout:?}.db")))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE rows (id BLOB PRIMARY KEY, generation INTEGER NOT NULL, secret BLOB NOT NULL) \
         STRICT, WITHOUT ROWID",
    )?;
    let filling = connection.transaction()?;
    for row in 0..ROWS {
        filling.execute(
            "INSERT INTO rows VALUES (?1, 0, zeroblob(200))",
            [layout.id(i64::try_from(row)?)],
        )?;
    }
    filling.commit()?;
    let (router, jobs) = queue();
    std::thread::spawn(move || write(&connection, layout, jobs));
    Ok(router)
}

fn write(connection: &Connection, layout: Layout, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while jobs.blocking_recv_many(&mut waiting, AT_ONCE) > 0 {
        let done = commit(connection, layout, &waiting).unwrap_or_default();
        for (position, (_, sender)) in waiting.drain(..).enumerate() {
            let _ = sender.send(done.get(position).copied().unwrap_or(false));
        }
    }
}

fn commit(connection: &Connection, layout: Layout, jobs: &[Job]) -> rusqlite::Result<Vec<bool>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut update = connection.prepare_cached(
        "UPDATE rows SET generation = generation + 1 WHERE id = ?1 AND generation >= 0",
    )?;
    let done: Result<Vec<bool>, _> = jobs
        .iter()
        .map(|(row, _)| Ok(update.execute([layout.id(*row)])? == 1))
        .collect();
    connection.execute_batch("COMMIT")?;
    done
}
