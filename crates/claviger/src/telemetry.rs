//! Logging: to standard error, never with secrets in it.

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{raw::LogFormat, settings::LogSettings};

/// Starts logging; once per process.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|_| {
        anyhow::anyhow!(
            "{:?} is not a list of log levels; give one of error, warn, info, debug and trace, for \
                 a part as well: info,claviger_engine=debug",
            settings.filter
        )
    })?;
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(true);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Text => registry.with(layer.with_ansi(false)).init(),
        LogFormat::Json => registry.with(layer.json()).init(),
    }
    Ok(())
}
