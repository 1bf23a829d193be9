//! A child with the seeded user signed in: no browser, no prior configuration.

use std::{
    io::{self, IsTerminal as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
};

use anyhow::Context as _;
use claviger_engine::{client::register::Registered, grant::request::Issued};
use claviger_model::{hex::Hex, secret::Secret};
use rustix::process::Signal;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::{
    process::Command,
    signal::unix::{Signal as Signals, SignalKind, signal},
};

use super::instance::DevInstance;
use crate::{exit::Exit, moment::rfc3339};

/// What would lead a client elsewhere than to the instance.
const MISLEADING: [&str; 18] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    // Credentials of a workload.
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
];

/// The directories that AWS clients make for their caches, innermost first. Whoever goes last and
/// finds one empty removes it.
const CACHES: [&str; 5] = [
    ".aws/sso/cache",
    ".aws/sso",
    ".aws/cli/cache",
    ".aws/cli",
    ".aws",
];

/// Signals meant for the child, from the moment that the command begins: one that comes while the
/// instance starts must not leave its files behind.
pub(super) struct Received {
    terminate: Signals,
    interrupt: Signals,
    hangup: Signals,
}

impl Received {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// A child about to run; its token files go when this goes.
pub(super) struct Child {
    environment: Vec<(&'static str, String)>,
    left_behind: Vec<PathBuf>,
}

impl Child {
    /// Writes the token of who is signed in where AWS clients look for it: below the person's HOME,
    /// which the child needs for much else, or below a private one.
    pub(super) fn prepare(
        instance: &DevInstance,
        signed_in: Option<&(Registered, Issued)>,
        private_home: bool,
    ) -> anyhow::Result<Self> {
        let mut environment = environment(instance, signed_in);
        let home = if private_home {
            let home = instance.home.path().join("home");
            std::fs::create_dir(&home).context("the private home cannot be made")?;
            environment.push(("HOME", home.display().to_string()));
            home
        } else {
            home().context("HOME is not set; AWS clients keep their tokens there")?
        };
        let file = token_path(instance, &home);
        let mut left_behind = vec![file.clone()];
        left_behind.extend(credential_caches(instance, &home));
        left_behind.extend(CACHES.map(|name| home.join(name)));
        let child = Self {
            environment,
            left_behind,
        };
        if let Some((registered, issued)) = signed_in {
            write_private(&file, &token_file(instance, registered, issued))
                .with_context(|| format!("{} cannot be written", file.display()))?;
        }
        Ok(child)
    }

    /// Runs the command to its end; signals meant for it reach it.
    pub(super) async fn run(
        self,
        command: &[String],
        mut signals: Received,
    ) -> Result<ExitCode, Exit> {
        let (program, arguments) = command.split_first().context("no command is given")?;
        let mut child = Command::new(program);
        child
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        MISLEADING
            .iter()
            .filter(|name| !self.environment.iter().any(|(own, _)| own == *name))
            .for_each(|name| {
                child.env_remove(name);
            });
        let mut child = child.spawn().map_err(|error| not_run(program, error))?;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(code(status?)),
                () = received(&mut signals.terminate) => forward(&child, Signal::TERM),
                () = received(&mut signals.hangup) => forward(&child, Signal::HUP),
                () = received(&mut signals.interrupt) => {
                    // A terminal has sent it to the child as well.
                    if !io::stdin().is_terminal() {
                        forward(&child, Signal::INT);
                    }
                }
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        for path in &self.left_behind {
            // What others have put into a directory meanwhile keeps it alive.
            let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
        }
    }
}

async fn received(signals: &mut Signals) {
    signals.recv().await;
}

fn forward(child: &tokio::process::Child, signal: Signal) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A shell's way of telling: 127 when there is no such program, 126 when it cannot be run.
fn not_run(program: &str, error: io::Error) -> Exit {
    let code = if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    };
    let error = anyhow::Error::new(error);
    let error = error.context(format!("{program} cannot be run; is it installed?"));
    Exit { code, error }
}

/// A shell's way of telling: the status, or 128 and the signal.
fn code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn environment(
    instance: &DevInstance,
    signed_in: Option<&(Registered, Issued)>,
) -> Vec<(&'static str, String)> {
    let links = &instance.context.links;
    let shown = |path: &Path| path.display().to_string();
    let mut environment = vec![
        ("AWS_CONFIG_FILE", shown(&instance.aws.config)),
        ("AWS_DATA_PATH", shown(&instance.aws.data_path)),
        // Static keys of the person's own default profile would win with some clients.
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            shown(&instance.home.path().join("credentials")),
        ),
        ("AWS_REGION", links.region().to_owned()),
        ("CLAVIGER_ISSUER", links.issuer().to_owned()),
        ("CLAVIGER_START_URL", links.start_url()),
        ("CLAVIGER_CONTROL_URL", instance.control_url()),
        (
            "CLAVIGER_CONTROL_TOKEN",
            instance.bearer.reveal().to_owned(),
        ),
    ];
    if let Some((registered, issued)) = signed_in {
        let secret = registered.client_secret.as_ref().map(Secret::reveal);
        let secret = secret.unwrap_or_default().to_owned();
        environment.push(("CLAVIGER_CLIENT_ID", registered.client_id.clone()));
        environment.push(("CLAVIGER_CLIENT_SECRET", secret));
        let refresh_token = issued.refresh_token.as_ref();
        let refresh_token = refresh_token.map(|token| token.reveal().to_owned());
        environment.extend(refresh_token.map(|token| ("CLAVIGER_REFRESH_TOKEN", token)));
    }
    if let Some(ca_bundle) = &instance.ca_bundle {
        environment.push(("AWS_CA_BUNDLE", shown(ca_bundle)));
        environment.push(("NODE_EXTRA_CA_CERTS", shown(ca_bundle)));
    }
    environment
}

/// The token file as AWS CLI and botocore write it (WIRE §7).
fn token_file(instance: &DevInstance, registered: &Registered, issued: &Issued) -> String {
    let now = instance.context.now();
    json!({
        "startUrl": instance.context.links.sso_start_url(),
        "region": instance.context.links.region(),
        "accessToken": issued.access_token.reveal(),
        "expiresAt": rfc3339(now.plus(issued.expires_in)),
        "clientId": registered.client_id,
        "clientSecret": registered.client_secret.as_ref().map(Secret::reveal),
        "registrationExpiresAt": rfc3339(registered.expires_at),
        "refreshToken": issued.refresh_token.as_ref().map(Secret::reveal),
    })
    .to_string()
}

/// Where AWS clients look for the token of the instance's sso-session.
fn token_path(instance: &DevInstance, home: &Path) -> PathBuf {
    let name = sha1(instance.context.links.session_name());
    home.join(".aws/sso/cache").join(format!("{name}.json"))
}

/// Where the AWS CLI would keep role credentials of this session.
fn credential_caches(instance: &DevInstance, home: &Path) -> Vec<PathBuf> {
    let cache = home.join(".aws/cli/cache");
    let pairs = instance
        .accounts
        .iter()
        .flat_map(|account| account.roles.iter().map(move |role| (&account.id, role)));
    pairs
        .map(|(account, role)| {
            let key = format!(
                r#"{{"accountId":"{account}","roleName":"{role}","sessionName":"{}"}}"#,
                instance.context.links.session_name()
            );
            cache.join(format!("{}.json", sha1(&key)))
        })
        .collect()
}

fn sha1(text: &str) -> String {
    Hex(&Sha1::digest(text)).to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the environment"
)]
fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = std::fs::File::options();
    options.write(true).create_new(true).mode(0o600);
    // Another instance that ends may remove the directory between making and using it.
    let mut opened = Err(io::Error::from(io::ErrorKind::NotFound));
    for _ in 0..100 {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        opened = options.open(path);
        if !matches!(&opened, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
    }
    opened?.write_all(text.as_bytes())
}
