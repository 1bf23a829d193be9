//! `claviger dev`: a seeded, throw-away instance on this machine, moved by a control API, and a
//! child that uses it.

mod problem;
mod toy;
mod estate;
mod script;
mod journal;
mod world;
mod login;
mod instance;
mod screen;
mod watch;
mod control;
mod child;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use claviger_engine::admin::wanted::Directory;
use claviger_web::{app::App, server::Limits};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use self::{
    child::{Child, Received},
    control::Control,
    instance::{Choice, DevInstance, Wanted},
    journal::Journal,
    login::Login,
    screen::Screen,
    script::Script,
    watch::Watch,
};
use super::{
    admin::execute::Owner,
    running::{Running, address},
    serve::{bind, stop_signal},
};
use crate::{
    config::{raw::LogFormat, settings::LogSettings},
    directory_file,
    exit::{CONFIGURATION, Exit, ExitCode as _},
    telemetry, tls,
};

#[derive(Args)]
#[command(after_help = "Examples:
  claviger dev
  claviger dev --directory directory.toml --listen 127.0.0.1:9000
  claviger dev --sts http://127.0.0.1:5000
  claviger dev -- aws sts get-caller-identity
  claviger dev --login none --approve alice -- aws sso login --no-browser")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Dev {
    /// Where to listen [default: 127.0.0.1:8400, a free port with a command]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Let others than this machine in; password and control token are then random
    #[arg(long)]
    expose: bool,
    /// The URL that clients call it by, where that is not the address it listens on
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Serve https with a throw-away certificate authority
    #[arg(long)]
    tls: bool,
    /// Keep the store here; without it everything is gone at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Who there is and what they may do; everybody's password is `correct horse`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accounts", "roles"])]
    directory: Option<PathBuf>,
    /// Make an estate of that many accounts, all alice's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    accounts: Option<u32>,
    /// Roles in each account of that estate [default: 2]
    #[arg(long, value_name = "N", requires = "accounts", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    roles: Option<u32>,
    /// Make ids, codes and keys the same at each start, but for the one of RS256; no secret is one then
    #[arg(long, value_name = "N", conflicts_with_all = ["expose", "data_dir"])]
    seed: Option<u64>,
    /// Draw credentials from a real STS, such as moto, instead of the built-in toy
    #[arg(long, value_name = "URL")]
    sts: Option<String>,
    /// Approve every device code at once, as this user
    #[arg(long, value_name = "USER")]
    approve: Option<String>,
    #[command(flatten)]
    choice: Choice,
    /// How to sign in for the command: device, pkce, or none for it to sign in by itself
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        requires = "command"
    )]
    login: Login,
    /// Give the command an empty HOME
    #[arg(long, requires = "command")]
    private_home: bool,
    /// Print one JSON object about the instance first, then one per request
    #[arg(long)]
    json: bool,
    /// What to log to standard error, as in RUST_LOG
    #[arg(long, value_name = "LEVELS", default_value = "warn")]
    log: String,
    /// Sign in, run this with AWS clients pointed at the instance, exit as it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(dev: Dev) -> Result<ExitCode, Exit> {
    let logging = LogSettings {
        filter: dev.log.clone(),
        format: LogFormat::Text,
    };
    let _log = telemetry::start(&logging)?;
    // From the first moment: whoever stops an instance that still starts must find nothing of it.
    let (mut stop, signals) = (pin!(stop_signal()?), Received::listen()?);
    let listener = bind(dev.listen()?).await?;
    let bound = listener.local_addr().map_err(anyhow::Error::from)?;
    let (authority, acceptor) = if dev.tls {
        tls::throw_away().map(|(pem, acceptor)| (Some(pem), Some(acceptor)))?
    } else {
        (None, None)
    };
    let wanted = Wanted {
        directory: dev.directory().exit(CONFIGURATION)?,
        public_url: dev.public_url(bound),
        data_dir: dev.data_dir,
        sts: dev.sts,
        authority,
        exposed: dev.expose,
        seed: dev.seed,
        choice: dev.choice,
    };
    let instance = tokio::select! {
        made = instance::make(wanted) => made?,
        () = &mut stop => return Err(anyhow::anyhow!("stopped before it was ready").into()),
    };
    let screen = dev.command.is_empty().then(|| Screen::new(dev.json));
    let app = app(&instance, screen, dev.approve).await?;
    if let Some(screen) = screen {
        screen.welcome(&instance, dev.expose);
    }
    let running = running(&instance, app, listener, acceptor);
    if dev.command.is_empty() {
        running.until(stop).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let signed_in = instance
        .world
        .log_in(dev.login, &instance.user, &instance.scopes)
        .await?;
    let child = Child::prepare(&instance, signed_in.as_ref(), dev.private_home)?;
    with_child(child, signals, running, &dev.command).await
}

/// The app with all that `dev` adds to it.
async fn app(
    instance: &DevInstance,
    screen: Option<Screen>,
    approver: Option<String>,
) -> Result<App, Exit> {
    if let Some(approver) = &approver {
        let known = instance.world.signed_in(Some(approver)).await;
        known
            .map_err(|problem| anyhow::anyhow!(problem.because))
            .exit(CONFIGURATION)?;
    }
    let world = Arc::clone(&instance.world);
    let journal = Arc::new(Journal::default());
    let script = Arc::new(Script::new(Arc::clone(&world.clock) as _));
    let watch = Arc::new(Watch {
        screen,
        journal: Arc::clone(&journal),
        world: Arc::clone(&world),
        approver,
    });
    let control = Control {
        bearer: instance.bearer.clone(),
        world,
        owner: Owner {
            context: Arc::clone(&instance.context),
            store: instance.store.clone(),
        },
        script: Arc::clone(&script),
        journal,
        observer: Arc::clone(&watch) as _,
        toy: instance.toy.clone(),
        about: screen::describe(instance),
    };
    let mut app = App::new(Arc::clone(&instance.context));
    app.mounted = Some(Arc::new(control));
    app.faults = Some(script);
    app.observer = Some(watch);
    Ok(app)
}

fn running(
    instance: &DevInstance,
    app: App,
    listener: tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
) -> Running<'_> {
    Running {
        app: Arc::new(app),
        store: instance.store.clone(),
        listener,
        operators: None,
        tls,
        limits: Limits {
            drain: Duration::ZERO,
            finish: Duration::from_secs(2),
            ..Limits::default()
        },
        data_dir: &instance.data_dir,
    }
}

/// Serves while the child runs, and exits as it does.
async fn with_child(
    child: Child,
    signals: Received,
    running: Running<'_>,
    command: &[String],
) -> Result<ExitCode, Exit> {
    let (done, stop) = oneshot::channel::<()>();
    let serving = running.until(async {
        let _ = stop.await;
    });
    let running = async {
        let status = child.run(command, signals).await;
        drop(done);
        status
    };
    let (served, status) = tokio::join!(serving, running);
    served?;
    status
}

impl Dev {
    fn listen(&self) -> Result<SocketAddr, Exit> {
        let port = if self.command.is_empty() { 8400 } else { 0 };
        let listen = self
            .listen
            .unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        if listen.ip().is_loopback() || self.expose {
            return Ok(listen);
        }
        let error = anyhow::anyhow!(
            "{listen} can be reached from outside, and everybody knows the password of `dev`; listen \
             on 127.0.0.1, give --expose for random secrets, or set up `claviger serve`"
        );
        Err(Exit {
            code: CONFIGURATION,
            error,
        })
    }

    /// What was given, or the address; from outside, an address that stands for all of them is
    /// called by that of this machine.
    fn public_url(&self, bound: SocketAddr) -> String {
        if let Some(given) = &self.public_url {
            return given.trim_end_matches('/').to_owned();
        }
        let mut called = bound;
        if bound.ip().is_unspecified() {
            called.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{called}")
    }

    fn directory(&self) -> anyhow::Result<Directory> {
        if let Some(accounts) = self.accounts {
            return Ok(estate::estate(accounts, self.roles.unwrap_or(2))?);
        }
        let Some(file) = self.directory.as_deref() else {
            return Ok(directory_file::parse(directory_file::SEED)?);
        };
        read_directory(file)
    }
}

fn read_directory(file: &Path) -> anyhow::Result<Directory> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    directory_file::parse(&text).with_context(|| file.display().to_string())
}
