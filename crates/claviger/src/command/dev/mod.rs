//! `claviger dev`: a seeded, throw-away instance on this machine, and a child that uses it.

mod toy;
mod instance;
mod screen;
mod child;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use claviger_web::{app::App, server::Limits};
use tokio::sync::oneshot;

use self::{
    child::SignedInChild,
    instance::{DevInstance, Wanted},
    screen::Screen,
};
use super::{
    running::{Running, address},
    serve::{bind, stop_signal},
};
use crate::{
    config::{raw::LogFormat, settings::LogSettings},
    exit::{CONFIGURATION, Exit},
    telemetry, tls,
};

#[derive(Args)]
#[command(after_help = "Examples:
  claviger dev
  claviger dev --directory directory.toml --listen 127.0.0.1:9000
  claviger dev --sts http://127.0.0.1:5000
  claviger dev -- aws sts get-caller-identity")]
pub(crate) struct Dev {
    /// Where to listen; loopback only [default: 127.0.0.1:8400, a free port with a command]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Keep the store here; without it everything is gone at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Who there is and what they may do; everybody's password is `correct horse`
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Draw credentials from a real STS, such as moto, instead of the built-in toy
    #[arg(long, value_name = "URL")]
    sts: Option<String>,
    /// Serve https with a throw-away certificate authority
    #[arg(long)]
    tls: bool,
    /// Print one JSON object about the instance first, then one per request
    #[arg(long)]
    json: bool,
    /// What to log to standard error, as in RUST_LOG
    #[arg(long, value_name = "LEVELS", default_value = "warn")]
    log: String,
    /// Sign the first user in, run this with AWS clients pointed at the instance, exit as it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(dev: Dev) -> Result<ExitCode, Exit> {
    let logging = LogSettings {
        filter: dev.log.clone(),
        format: LogFormat::Text,
    };
    telemetry::start(&logging)?;
    let listener = bind(listen(&dev)?).await?;
    let address = listener.local_addr().map_err(anyhow::Error::from)?;
    let (authority, acceptor) = if dev.tls {
        tls::throw_away().map(|(pem, acceptor)| (Some(pem), Some(acceptor)))?
    } else {
        (None, None)
    };
    let wanted = Wanted {
        data_dir: dev.data_dir,
        directory: dev.directory,
        sts: dev.sts,
        address,
        authority,
    };
    let instance = instance::make(wanted).await?;
    let mut app = App::new(Arc::clone(&instance.context));
    app.mounted = instance.toy.clone().map(|toy| toy as _);
    let screen = Screen::new(dev.json);
    if dev.command.is_empty() {
        app.observer = Some(Arc::new(screen));
        screen.welcome(&instance);
    }
    let running = Running {
        app: Arc::new(app),
        store: Arc::clone(&instance.store),
        listener,
        operators: None,
        tls: acceptor,
        limits: Limits {
            drain: Duration::ZERO,
            finish: Duration::from_secs(2),
            ..Limits::default()
        },
        data_dir: &instance.data_dir,
    };
    if dev.command.is_empty() {
        running.until(stop_signal()?).await?;
        return Ok(ExitCode::SUCCESS);
    }
    with_child(&instance, running, &dev.command).await
}

/// Serves while the child runs, and exits as it does.
async fn with_child(
    instance: &DevInstance,
    running: Running<'_>,
    command: &[String],
) -> Result<ExitCode, Exit> {
    let child = SignedInChild::prepare(instance).await?;
    let (done, stop) = oneshot::channel::<()>();
    let serving = running.until(async {
        let _ = stop.await;
    });
    let running = async {
        let status = child.run(command).await;
        drop(done);
        status
    };
    let (served, status) = tokio::join!(serving, running);
    served?;
    status
}

fn listen(dev: &Dev) -> Result<SocketAddr, Exit> {
    let port = if dev.command.is_empty() { 8400 } else { 0 };
    let listen = dev
        .listen
        .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    if listen.ip().is_loopback() {
        return Ok(listen);
    }
    let error = anyhow::anyhow!(
        "{listen} can be reached from outside, and everybody knows the password of `dev`; listen \
         on 127.0.0.1, or set up `claviger serve`"
    );
    Err(Exit {
        code: CONFIGURATION,
        error,
    })
}
