//! A child with the seeded user signed in: no browser, no prior configuration.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
};

use anyhow::Context as _;
use claviger_engine::{
    client::{
        authenticate::ClientCredentials,
        register::{self, Registered, Registration},
    },
    device::{self, Answer, StartDevice},
    grant::{
        pipeline,
        request::{Issued, TokenRequest},
    },
    sign_in::{self, PasswordSignIn},
};
use claviger_model::{
    client::{Dialect, GrantType},
    hex::Hex,
    network::Requester,
    scope::ACCOUNT_ACCESS,
    secret::Secret,
};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::{
    process::Command,
    signal::unix::{Signal, SignalKind, signal},
};

use super::instance::{DevInstance, PASSWORD};
use crate::{exit::Exit, moment::rfc3339};

/// What would lead a client elsewhere than to the instance.
const MISLEADING: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
];

/// A signed-in child about to run; its token files go when this goes.
pub(super) struct SignedInChild {
    environment: Vec<(&'static str, String)>,
    left_behind: Vec<PathBuf>,
}

impl SignedInChild {
    /// Signs the user in and writes the token where AWS clients look for it.
    pub(super) async fn prepare(instance: &DevInstance) -> anyhow::Result<Self> {
        let (registered, issued) = sign_in(instance).await?;
        let home = home().context("HOME is not set; AWS clients keep their tokens there")?;
        let cache = home.join(".aws/sso/cache");
        let new = new_directories(&home);
        std::fs::create_dir_all(&cache)
            .with_context(|| format!("{} cannot be made", cache.display()))?;
        let file = cache.join(format!(
            "{}.json",
            sha1(instance.context.links.session_name())
        ));
        let mut left_behind = vec![file.clone()];
        left_behind.extend(credential_caches(instance, &home));
        left_behind.extend(new);
        let child = Self {
            environment: environment(instance, &registered, &issued),
            left_behind,
        };
        write_private(&file, &token_file(instance, &registered, &issued))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(child)
    }

    /// Runs the command to its end; signals meant for it reach it.
    pub(super) async fn run(self, command: &[String]) -> Result<ExitCode, Exit> {
        let (program, arguments) = command.split_first().context("no command is given")?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
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
                () = received(&mut terminate) => forward(&child),
                // The terminal has sent it to the child as well.
                () = received(&mut interrupt) => {}
                () = received(&mut hangup) => {}
            }
        }
    }
}

impl Drop for SignedInChild {
    fn drop(&mut self) {
        for path in &self.left_behind {
            // What others have put into a directory meanwhile keeps it alive.
            let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
        }
    }
}

async fn received(signal: &mut Signal) {
    signal.recv().await;
}

fn forward(child: &tokio::process::Child) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
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

/// The whole device flow, in process.
async fn sign_in(instance: &DevInstance) -> anyhow::Result<(Registered, Issued)> {
    let context = instance.context.as_ref();
    let requester = Requester {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
    };
    let registration = Registration {
        dialect: Dialect::Aws,
        client_name: "claviger-dev".to_owned(),
        grant_types: None,
        scopes: vec![ACCOUNT_ACCESS.to_owned()],
        redirect_uris: Vec::new(),
        issuer_url: None,
    };
    let registered = register::register(context, &requester, &registration)?;
    let client = ClientCredentials {
        client_id: registered.client_id.clone(),
        client_secret: registered.client_secret.clone(),
    };
    let start = StartDevice {
        client: client.clone(),
        start_url: context.links.start_url(),
    };
    let started = device::start(context, &requester, start).await?;
    let form = PasswordSignIn {
        user_name: instance.user.clone(),
        password: Secret::from(PASSWORD),
        known_browser: None,
    };
    let signed_in = sign_in::with_password(context, &requester, form)
        .await?
        .web_session
        .signed_in;
    let user_code = started.user_code.to_string();
    device::decide(context, &requester, &signed_in, &user_code, Answer::Approve).await?;
    let request = TokenRequest {
        client,
        grant_type: GrantType::DeviceCode.as_str().to_owned(),
        device_code: Some(started.device_code),
        code: None,
        refresh_token: None,
        scope: Vec::new(),
        redirect_uri: None,
        code_verifier: None,
    };
    let issued = pipeline::redeem(context, &requester, request).await?;
    Ok((registered, issued))
}

fn environment(
    instance: &DevInstance,
    registered: &Registered,
    issued: &Issued,
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
        ("CLAVIGER_CLIENT_ID", registered.client_id.clone()),
        (
            "CLAVIGER_CLIENT_SECRET",
            registered.client_secret.reveal().to_owned(),
        ),
    ];
    if let Some(refresh_token) = &issued.refresh_token {
        environment.push(("CLAVIGER_REFRESH_TOKEN", refresh_token.reveal().to_owned()));
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
        "clientSecret": registered.client_secret.reveal(),
        "registrationExpiresAt": rfc3339(registered.expires_at),
        "refreshToken": issued.refresh_token.as_ref().map(Secret::reveal),
    })
    .to_string()
}

/// The directories of AWS clients' caches that are not there yet, innermost first.
fn new_directories(home: &Path) -> Vec<PathBuf> {
    [
        ".aws/sso/cache",
        ".aws/sso",
        ".aws/cli/cache",
        ".aws/cli",
        ".aws",
    ]
    .map(|name| home.join(name))
    .into_iter()
    .filter(|path| !path.exists())
    .collect()
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
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}
