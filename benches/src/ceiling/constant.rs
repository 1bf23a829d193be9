//! Nothing behind it.

use axum::{Json, Router, body::Bytes, http::StatusCode, routing::post};

use super::exchange::{Answer, answer, row_of};

pub(super) fn router() -> Router {
    Router::new().route("/token", post(token))
}

async fn token(body: Bytes) -> Result<Json<Answer>, StatusCode> {
    answer(row_of(&body).is_some())
}
