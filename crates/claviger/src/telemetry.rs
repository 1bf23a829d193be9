//! Logging: to standard error, never with secrets in it.

use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{raw::LogFormat, settings::LogSettings};

/// Lines that wait for whoever reads standard error; more are dropped and counted (F28).
const WAITING: usize = 4_000;

/// How often it is said that lines were dropped.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Starts logging; once per process. A reader that is slow or asleep holds up nobody. What is let go at the
/// end writes the last lines.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<WorkerGuard> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|_| {
        anyhow::anyhow!(
            "{:?} is not a list of log levels; give one of error, warn, info, debug and trace, for \
                 a part as well: info,claviger_engine=debug",
            settings.filter
        )
    })?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .finish(std::io::stderr());
    tokio::spawn(tell_of_dropped(writer.error_counter()));
    let layer = fmt::layer().with_writer(writer).with_target(true);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Text => registry.with(layer.with_ansi(false)).init(),
        LogFormat::Json => registry.with(layer.json()).init(),
    }
    Ok(guard)
}

async fn tell_of_dropped(counter: ErrorCounter) {
    let mut told = 0;
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let dropped = counter.dropped_lines();
        if dropped > told {
            let lines = dropped - told;
            tracing::warn!(
                lines,
                "lines of this log were dropped: it is read too slowly"
            );
            told = dropped;
        }
    }
}
