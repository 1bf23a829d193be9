//! Settings: the file and the flags together, typed, checked and complete.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use claviger_engine::{links::is_readable, policy::Policy};
use claviger_model::{application::Application, id::TargetName, scope::Scope, time::Lifetime};
use claviger_store::postgres::address::Address;
use claviger_sts::assume_role as sts;
use ipnet::IpNet;

pub(crate) use self::trust::IssuerAddress;
use super::{
    duration::Span,
    raw::{self, Configuration, LogFormat},
};

/// Everything the service wants to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) public_url: String,
    pub(crate) listen: SocketAddr,
    pub(crate) operator_listen: SocketAddr,
    pub(crate) paths: Paths,
    pub(crate) title: String,
    pub(crate) region: String,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) start_url_aliases: Vec<String>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) policy: Policy,
    pub(crate) connections: usize,
    pub(crate) targets: BTreeMap<TargetName, sts::Settings>,
    pub(crate) issuers: Vec<IssuerAddress>,
    pub(crate) log: LogSettings,
}

/// Where things lie.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) data_dir: PathBuf,
    pub(crate) key_file: PathBuf,
    /// The PostgreSQL that holds the store, where it does not lie in the data directory.
    pub(crate) store: Option<Address>,
}

/// What is logged and how.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// What the command line says; wins over the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) store: Option<String>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) operator_listen: Option<SocketAddr>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
}

const REGION: &str = "us-east-1";

/// Shorter ones would make clients refresh on every start: botocore does from 15 minutes before
/// the end (WIRE §3.5).
const SHORTEST_ACCESS_TOKEN: Lifetime = Lifetime::minutes(30);

const LONGEST_SESSION: Lifetime = Lifetime::days(90);

impl Settings {
    /// Reads the file, if one is named, and checks everything.
    pub(crate) fn load(flags: &Flags) -> anyhow::Result<Self> {
        let mut file = read(flags)?;
        let paths = paths(flags, &file)?;
        let tls = tls(flags, &file)?;
        let listen = flags.listen.or(file.listen).unwrap_or(loopback(8400));
        let public_url = public_url(file.public_url.take(), listen, tls.is_some())?;
        let trusted_proxies = networks(file.trusted_proxies.as_deref().unwrap_or_default())?;
        check_exposure(listen, tls.is_some(), &public_url, &trusted_proxies)?;
        let region = file.region.take().unwrap_or_else(|| REGION.to_owned());
        check_region(&region)?;
        Ok(Self {
            operator_listen: flags
                .operator_listen
                .or(file.operator_listen)
                .unwrap_or(loopback(8401)),
            title: file.title.take().unwrap_or_else(|| "Claviger".to_owned()),
            start_url_aliases: aliases(file.start_url_aliases.take().unwrap_or_default())?,
            policy: policy(&file)?,
            connections: connections(&file)?,
            targets: targets(&file, &region)?,
            issuers: trust::addresses(&file)?,
            log: log(&file),
            public_url,
            listen,
            paths,
            region,
            trusted_proxies,
            tls,
        })
    }
}

/// Where things lie, and which applications there are: for commands that need no more.
pub(crate) fn locate(flags: &Flags) -> anyhow::Result<(Paths, Vec<Application>)> {
    let file = read(flags)?;
    Ok((paths(flags, &file)?, application::all(&file)?))
}

fn read(flags: &Flags) -> anyhow::Result<Configuration> {
    flags
        .config
        .as_deref()
        .map_or_else(|| Ok(Configuration::default()), raw::read)
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn paths(flags: &Flags, file: &Configuration) -> anyhow::Result<Paths> {
    let configured = raw::secret("store", file.store.as_ref(), file.store_file.as_deref())?;
    let store = match &flags.store {
        Some(address) => Some(Address::parse(address)?),
        None => configured
            .map(|address| Address::parse(address.reveal()))
            .transpose()?,
    };
    let data_dir = flags.data_dir.clone().or_else(|| file.data_dir.clone());
    let data_dir = data_dir.unwrap_or_else(default_data_dir);
    let key_file = flags.key_file.clone().or_else(|| file.key_file.clone());
    Ok(Paths {
        key_file: key_file.unwrap_or_else(|| data_dir.join("claviger.keys")),
        data_dir,
        store,
    })
}

/// systemd's state directory, else the user's own.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the environment, here only"
)]
fn default_data_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    variable("STATE_DIRECTORY")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_STATE_HOME").map(|home| Path::new(&home).join("claviger")))
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local/state/claviger")))
        .unwrap_or_else(|| PathBuf::from("claviger-data"))
}

fn tls(flags: &Flags, file: &Configuration) -> anyhow::Result<Option<TlsFiles>> {
    let cert = flags.tls_cert.clone().or_else(|| file.tls.cert.clone());
    let key = flags.tls_key.clone().or_else(|| file.tls.key.clone());
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        _ => bail!("TLS needs both a certificate and a key; give tls.cert and tls.key"),
    }
}

fn public_url(given: Option<String>, listen: SocketAddr, tls: bool) -> anyhow::Result<String> {
    let Some(url) = given else {
        if tls && listen.ip().is_unspecified() {
            bail!(
                "{listen} is no address that people can open; set public_url to the one that they \
                 use"
            );
        }
        let scheme = if tls { "https" } else { "http" };
        let own = url::Url::parse(&format!("{scheme}://{listen}"))?;
        return Ok(own.origin().ascii_serialization());
    };
    let parsed = url::Url::parse(&url).ok().filter(|parsed| {
        matches!(parsed.scheme(), "http" | "https")
            && parsed.host().is_some()
            && parsed.path() == "/"
            && parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none()
    });
    let parsed = parsed.with_context(|| {
        format!("public_url {url} must be https://HOST or https://HOST:PORT without a path")
    })?;
    if parsed.scheme() == "http" && !is_loopback(&parsed) {
        bail!("public_url {url} must be https: people send their passwords there");
    }
    Ok(parsed.origin().ascii_serialization())
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Passwords and tokens never travel in clear: beyond loopback there is TLS here, or at a proxy
/// that is named.
fn check_exposure(
    listen: SocketAddr,
    tls: bool,
    public_url: &str,
    proxies: &[IpNet],
) -> anyhow::Result<()> {
    let https = public_url.starts_with("https://");
    let behind_proxy_unnamed = https && !tls && proxies.is_empty();
    let safe = listen.ip().is_loopback() || tls || (https && !proxies.is_empty());
    if safe && !behind_proxy_unnamed {
        return Ok(());
    }
    if behind_proxy_unnamed {
        bail!(
            "public_url is https but there is no TLS here: name the proxy that has it in \
             trusted_proxies (often \"127.0.0.1\"), or everybody seems to come from its address"
        );
    }
    bail!(
        "{listen} can be reached from outside without TLS; give --tls-cert and --tls-key, or set \
         public_url to the https address of your proxy and trusted_proxies to its addresses"
    )
}

fn networks(given: &[String]) -> anyhow::Result<Vec<IpNet>> {
    let network = |text: &String| {
        text.parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .with_context(|| format!("trusted_proxies: {text} is no address and no network"))
            .and_then(|network: IpNet| {
                if network.prefix_len() == 0 {
                    bail!("trusted_proxies: {text} is everybody; name your proxies alone");
                }
                Ok(network)
            })
    };
    given.iter().map(network).collect()
}

fn check_region(region: &str) -> anyhow::Result<()> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&region.len()) && region.bytes().all(legal) {
        return Ok(());
    }
    bail!("region {region} must be spelled as AWS spells them, such as us-east-1")
}

fn policy(file: &Configuration) -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    let set = |to: &mut Lifetime, from: Option<Span>| {
        if let Some(Span(span)) = from {
            *to = span;
        }
    };
    let lifetimes = &file.lifetimes;
    set(&mut policy.client_lifetime, lifetimes.client);
    set(&mut policy.device_code_lifetime, lifetimes.device_code);
    set(
        &mut policy.authorization_code_lifetime,
        lifetimes.authorization_code,
    );
    set(&mut policy.access_token_lifetime, lifetimes.access_token);
    set(&mut policy.session_lifetime, lifetimes.session);
    policy.session_idle = policy.session_lifetime;
    set(&mut policy.session_idle, lifetimes.session_idle);
    set(&mut policy.web_session_lifetime, lifetimes.web_session);
    set(&mut policy.web_session_idle, lifetimes.web_session_idle);
    policy.require_pkce = file.oauth.require_pkce.unwrap_or(true);
    policy.cap_credentials_to_session = file.credentials.cap_to_session.unwrap_or(false);
    policy.allowed_origins = origins(file)?;
    policy.reserved_names = file.registration.reserved_names.clone().unwrap_or_default();
    set(&mut policy.aws_rotation.grace, file.refresh.grace);
    set(
        &mut policy.aws_rotation.lost_answer,
        file.refresh.lost_answer,
    );
    for rules in [&mut policy.aws_rotation, &mut policy.oauth_rotation] {
        rules.strict = file.refresh.strict.unwrap_or(false);
    }
    policy.issuers = trust::issuers(file)?;
    policy.applications = application::all(file)?;
    policy.workloads = trust::workloads(file)?;
    policy.session_policies = session_policies(file)?;
    limits(file, &mut policy);
    check_policy(&policy)?;
    Ok(policy)
}

fn session_policies(file: &Configuration) -> anyhow::Result<BTreeMap<String, String>> {
    for (name, arn) in &file.session_policies {
        let scope = Scope::parse(&format!("sso:policy:{name}"));
        if scope.is_err() || !arn.starts_with("arn:") || !arn.contains(":policy/") {
            bail!(
                "session_policies.{name} must be the ARN of a policy, such as \
                 arn:aws:iam::aws:policy/ReadOnlyAccess, under a name of letters, digits, - and _"
            );
        }
    }
    Ok(file.session_policies.clone())
}

/// Compared letter by letter, so they must be spelled as browsers spell origins.
fn origins(file: &Configuration) -> anyhow::Result<Vec<String>> {
    let origins = file
        .registration
        .allowed_origins
        .clone()
        .unwrap_or_default();
    for origin in &origins {
        let spelled = url::Url::parse(origin)
            .ok()
            .map(|url| url.origin().ascii_serialization());
        if !origin.starts_with("https://") || spelled.as_ref() != Some(origin) {
            bail!(
                "registration.allowed_origins: {origin} must be written as https://app.example.org, \
                 in lower case and without a path"
            );
        }
    }
    Ok(origins)
}

fn aliases(given: Vec<String>) -> anyhow::Result<Vec<String>> {
    for alias in &given {
        let is_https = url::Url::parse(alias).is_ok_and(|url| url.scheme() == "https");
        if !is_https || !is_readable(alias) {
            bail!(
                "start_url_aliases: {alias:?} must be a start URL such as \
                 https://example.awsapps.com/start"
            );
        }
    }
    Ok(given)
}

fn connections(file: &Configuration) -> anyhow::Result<usize> {
    let connections = file.limits.connections.unwrap_or(20_000);
    if (1..=1_000_000).contains(&connections) {
        return Ok(connections);
    }
    bail!("limits.connections must be between 1 and 1000000")
}

fn limits(file: &Configuration, policy: &mut Policy) {
    let (to, from) = (&mut policy.limits, &file.limits);
    let set = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
    set(&mut to.devices_per_network, from.devices_per_network);
    set(&mut to.devices_per_client, from.devices_per_client);
    set(&mut to.devices, from.devices);
    set(&mut to.sign_ins_per_user, from.sign_ins_per_user);
    set(&mut to.sign_ins_per_network, from.sign_ins_per_network);
    set(
        &mut to.registrations_per_network,
        from.registrations_per_network,
    );
    set(&mut to.sessions_per_user, from.sessions_per_user);
}

fn check_policy(policy: &Policy) -> anyhow::Result<()> {
    let (minute, day) = (Lifetime::minutes(1), Lifetime::days(1));
    let quarter = Lifetime::minutes(15);
    let refresh = &policy.aws_rotation;
    let rows = [
        (
            "lifetimes.client",
            policy.client_lifetime,
            day,
            Lifetime::days(365),
        ),
        (
            "lifetimes.device_code",
            policy.device_code_lifetime,
            minute,
            Lifetime::minutes(30),
        ),
        (
            "lifetimes.authorization_code",
            policy.authorization_code_lifetime,
            Lifetime::seconds(30),
            Lifetime::minutes(10),
        ),
        (
            "lifetimes.access_token",
            policy.access_token_lifetime,
            SHORTEST_ACCESS_TOKEN,
            day,
        ),
        (
            "lifetimes.session",
            policy.session_lifetime,
            quarter,
            LONGEST_SESSION,
        ),
        (
            "lifetimes.session_idle",
            policy.session_idle,
            quarter,
            LONGEST_SESSION,
        ),
        (
            "lifetimes.web_session",
            policy.web_session_lifetime,
            minute,
            Lifetime::days(30),
        ),
        (
            "lifetimes.web_session_idle",
            policy.web_session_idle,
            minute,
            Lifetime::days(30),
        ),
        (
            "refresh.grace",
            refresh.grace,
            Lifetime::ZERO,
            Lifetime::minutes(10),
        ),
        (
            "refresh.lost_answer",
            refresh.lost_answer,
            Lifetime::ZERO,
            day,
        ),
    ];
    for (key, span, from, to) in rows {
        if !(from..=to).contains(&span) {
            let (from, to) = (from.as_seconds(), to.as_seconds());
            bail!("{key} must be between {from}s and {to}s");
        }
    }
    Ok(())
}

fn targets(
    file: &Configuration,
    region: &str,
) -> anyhow::Result<BTreeMap<TargetName, sts::Settings>> {
    let target = |(name, raw): (&String, &raw::Target)| {
        let read = || {
            let secret = raw::secret(
                "secret_access_key",
                raw.secret_access_key.as_ref(),
                raw.secret_access_key_file.as_deref(),
            )?;
            let identity = match (raw.method, raw.access_key_id.clone(), secret) {
                (raw::Method::WebIdentity, None, None) if raw.external_id.is_none() => {
                    let audience = raw.audience.clone();
                    let audience = audience.unwrap_or_else(|| "sts.amazonaws.com".to_owned());
                    sts::Identity::Web { audience }
                }
                (raw::Method::WebIdentity, ..) => bail!(
                    "with method = \"web_identity\" the target needs no keys and takes no external_id; \
                     leave them out"
                ),
                _ if raw.audience.is_some() => {
                    bail!("audience goes with method = \"web_identity\"; leave it out")
                }
                (_, Some(id), Some(secret)) => sts::Identity::Key(id, secret),
                (_, None, None) => sts::Identity::Ambient,
                _ => bail!("give both access_key_id and secret_access_key, or neither"),
            };
            Ok((
                TargetName::parse(name)?,
                sts::Settings {
                    endpoint: raw.endpoint.clone(),
                    identity,
                    external_id: raw.external_id.clone(),
                    source_identity: raw.source_identity.unwrap_or(true),
                    // Most trust policies allow no tags; whoever wants them says so. A web identity
                    // is told apart from others of the same issuer by its tags alone.
                    session_tags: raw
                        .session_tags
                        .unwrap_or(raw.method == raw::Method::WebIdentity),
                    ..sts::Settings::of_region(raw.region.as_deref().unwrap_or(region))
                },
            ))
        };
        read().with_context(|| format!("targets.{name}"))
    };
    file.targets.iter().map(target).collect()
}

fn log(file: &Configuration) -> LogSettings {
    LogSettings {
        filter: file.log.filter.clone().unwrap_or_else(|| "info".to_owned()),
        format: file.log.format.unwrap_or_default(),
    }
}

mod application;
mod trust;
#[cfg(test)]
mod tests;
