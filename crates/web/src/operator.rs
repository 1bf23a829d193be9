//! The operators' listener: liveness and readiness (R11).

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::App;

/// Serves `/live` and `/ready` until it is dropped.
pub async fn serve(app: Arc<App>, listener: TcpListener) {
    let router = Router::new()
        .route("/live", get(|| async { Json(json!({ "live": true })) }))
        .route("/ready", get(ready))
        .with_state(app);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the operators' listener has stopped");
    }
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    match app.ready() {
        Ok(()) => {
            let mut body = json!({ "ready": true });
            if let Some(caution) = app.context.caution() {
                body["caution"] = caution.into();
            }
            (StatusCode::OK, Json(body))
        }
        Err(because) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "ready": false, "because": because })),
        ),
    }
}
