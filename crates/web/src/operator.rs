//! The operators' listener: liveness and readiness (R11).

use std::{net::SocketAddr, sync::Arc};

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::App;

/// Serves `/live` and `/ready` until the process ends.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> std::io::Result<()> {
    let router = Router::new()
        .route("/live", get(|| async { Json(json!({ "live": true })) }))
        .route("/ready", get(ready))
        .with_state(app);
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    match app.ready() {
        Ok(()) => (StatusCode::OK, Json(json!({ "ready": true }))),
        Err(because) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "ready": false, "because": because })),
        ),
    }
}
