//! The same against PostgreSQL: a statement for each request, or one for all that wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use tokio::sync::mpsc;
use tokio_postgres::{Client, NoTls, Statement};

use super::exchange::{AT_ONCE, Answer, Job, ROWS, Way, answer, queue, row_of};

/// As many as the product has.
const CONNECTIONS: usize = 16;

const ONE: &str =
    "UPDATE rows_each SET generation = generation + 1 WHERE id = $1 AND generation >= 0";

const MANY: &str = "UPDATE rows_batched SET generation = generation + 1 \
     WHERE id = ANY($1) AND generation >= 0 RETURNING id";

pub(super) async fn router(address: &str, way: Way) -> anyhow::Result<Router> {
    let client = connect(address).await?;
    let table = match way {
        Way::Each => "rows_each",
        Way::Batched => "rows_batched",
    };
    let fill = format!(
        "CREATE TABLE {table} (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL, secret BYTEA NOT NULL) \
         WITH (fillfactor = 70); \
         INSERT INTO {table} SELECT id, 0, decode(repeat('00', 200), 'hex') FROM generate_series(0, {}) id",
        ROWS - 1
    );
    client.batch_execute(&fill).await?;
    Ok(match way {
        Way::Each => {
            let mut pool = Vec::new();
            for _ in 0..CONNECTIONS {
                let client = connect(address).await?;
                let update = client.prepare(ONE).await?;
                pool.push((client, update));
            }
            let pool = Arc::new((AtomicUsize::new(0), pool));
            Router::new().route("/token", post(each)).with_state(pool)
        }
        Way::Batched => {
            let (router, jobs) = queue();
            let update = client.prepare(MANY).await?;
            tokio::spawn(write(client, update, jobs));
            router
        }
    })
}

async fn connect(address: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Connections in turn; a statement waits on its connection for those before it.
type Pool = Arc<(AtomicUsize, Vec<(Client, Statement)>)>;

async fn each(State(pool): State<Pool>, body: Bytes) -> Result<Json<Answer>, StatusCode> {
    let row = row_of(&body).ok_or(StatusCode::BAD_REQUEST)?;
    let turn = pool.0.fetch_add(1, Ordering::Relaxed);
    let Some((client, update)) = pool.1.get(turn % CONNECTIONS) else {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    };
    answer(
        client
            .execute(update, &[&row])
            .await
            .is_ok_and(|changed| changed == 1),
    )
}

async fn write(client: Client, update: Statement, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while jobs.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let rows: Vec<i64> = waiting.iter().map(|(row, _)| *row).collect();
        let changed = client.query(&update, &[&rows]).await;
        let mut changed: Vec<i64> = changed
            .iter()
            .flatten()
            .filter_map(|row| row.try_get(0).ok())
            .collect();
        changed.sort_unstable();
        for (row, sender) in waiting.drain(..) {
            let _ = sender.send(changed.binary_search(&row).is_ok());
        }
    }
}
