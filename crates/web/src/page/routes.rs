//! The one list of pages.

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// The routes of the pages.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
}
