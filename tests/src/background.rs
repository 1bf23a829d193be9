//! A runtime beside those of the tests: what lives on it outlives them, and can be waited for by them.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// It, started at its first use.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build();
        runtime.expect("a runtime")
    })
}
