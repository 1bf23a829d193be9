//! `claviger serve`: the service.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use claviger_model::client::Authentication;
use claviger_store::sqlite::OpenError;
use claviger_web::{app::App, server::Limits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::running::{Running, address};
use crate::{
    config::settings::{Flags, Settings},
    exit::{CONFIGURATION, Exit, ExitCode as _, TEMPORARY},
    store::{Store, no_store, private_directory},
    telemetry, tls,
    wiring::{self, Ports},
};

#[derive(Args)]
#[command(after_help = "Examples:
  claviger serve
  claviger serve --config /etc/claviger/claviger.toml
  claviger serve --config claviger.toml --listen 0.0.0.0:443 \
    --tls-cert fullchain.pem --tls-key privkey.pem")]
pub(crate) struct Serve {
    /// The configuration file; `claviger config example` shows one
    #[arg(long, env = "CLAVIGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8400]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Where operators find /live and /ready [default: 127.0.0.1:8401]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    operator_listen: Option<SocketAddr>,
    /// The data directory that `claviger init` made
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The key file that `claviger init` made
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The PostgreSQL that holds the store: postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(
        long,
        env = "CLAVIGER_STORE",
        value_name = "URL",
        hide_env_values = true
    )]
    store: Option<String>,
    /// A certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

pub(crate) async fn run(serve: Serve) -> Result<(), Exit> {
    let settings = Settings::load(&Flags {
        config: serve.config,
        data_dir: serve.data_dir,
        key_file: serve.key_file,
        store: serve.store,
        listen: serve.listen,
        operator_listen: serve.operator_listen,
        tls_cert: serve.tls_cert,
        tls_key: serve.tls_key,
    })
    .exit(CONFIGURATION)?;
    let _log = telemetry::start(&settings.log).exit(CONFIGURATION)?;
    let data_dir = &settings.paths.data_dir;
    match &settings.paths.store {
        None if !data_dir.join("claviger.db").exists() => {
            let missing = OpenError::NotInitialised(data_dir.clone());
            return Err(no_store(&settings.paths, missing));
        }
        None => {}
        // The administrators' socket lies there.
        Some(_) => private_directory(data_dir).exit(CONFIGURATION)?,
    }
    let keys = wiring::read_keys(&settings.paths, false)?;
    let (store, rolled_back) = Store::open(&settings.paths).await?;
    if let Some(lost) = rolled_back {
        tracing::error!("{}", wiring::rolled_back(lost));
    }
    let ports = Ports::of_store(&store).await;
    let ring = wiring::keyring(&store, &keys, &ports).await?;
    let instance = wiring::instance(&settings, &keys, ring, ports).await?;
    let context = wiring::engine(&store, keys, instance).await?;
    if let Err(error) = wiring::complete_keys(&context).await {
        tracing::warn!(%error, "no RSA key can be kept: ID tokens are signed with ES256 alone until the next start");
    }
    let tls = settings
        .tls
        .as_ref()
        .map(tls::from_files)
        .transpose()
        .exit(CONFIGURATION)?;
    let mut app = App::new(context);
    app.trusted_proxies.clone_from(&settings.trusted_proxies);
    app.title.clone_from(&settings.title);
    app.tls = tls.is_some();
    let app = Arc::new(app);
    let listener = bind(settings.listen).await?;
    let operators = bind(settings.operator_listen).await?;
    tracing::info!(
        listen = %settings.listen,
        operator_listen = %settings.operator_listen,
        public_url = settings.public_url,
        data_dir = %settings.paths.data_dir.display(),
        store = settings.paths.store.as_ref().map(ToString::to_string),
        "serving"
    );
    for application in &settings.policy.applications {
        if application.metadata.authentication == Authentication::Signature {
            // A secret that was forgotten looks the same.
            tracing::info!(
                application = application.name.as_str(),
                "it has no client_secret and is not public: it only signs, with a machine key"
            );
        }
    }
    let limits = Limits {
        connections: connections(settings.connections),
        ..Limits::default()
    };
    let running = Running {
        app,
        store,
        listener,
        operators: Some(operators),
        tls,
        limits,
        data_dir: &settings.paths.data_dir,
    };
    running.until(stop_signal()?).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Descriptors that no connection gets: for the store, the targets, operators and administrators (F10).
const RESERVED: u64 = 64;

/// As many connections as are wanted and as there are descriptors for.
fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Raising to the hard limit is always allowed; where it fails, what there is must do.
    let _ = setrlimit(Resource::Nofile, raised);
    let Some(descriptors) = getrlimit(Resource::Nofile).current else {
        return wanted;
    };
    let room = usize::try_from(descriptors.saturating_sub(RESERVED)).unwrap_or(usize::MAX);
    if room >= wanted {
        return wanted;
    }
    tracing::warn!(
        wanted,
        connections = room.max(1),
        "the process may open {descriptors} files only, and takes fewer connections for it: raise the hard \
         limit (LimitNOFILE= in systemd), or lower limits.connections"
    );
    room.max(1)
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Exit> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; choose another --listen"))
        .exit(TEMPORARY)
}

/// Ready at the first SIGTERM, SIGINT or SIGHUP (a terminal that goes); a second one ends the process at once, and so does a
/// stop that takes longer than 15 s.
pub(crate) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = tokio::time::sleep(Duration::from_secs(15)) => {}
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "the last resort of a stop that hangs"
            )]
            std::process::exit(1);
        });
    })
}
