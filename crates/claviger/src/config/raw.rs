//! The configuration file as it is spelled. Unknown keys are refused; every secret can also be
//! given as the path of a file that holds it.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use claviger_model::secret::Secret;
use serde::Deserialize;

use super::duration::Span;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) public_url: Option<String>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) operator_listen: Option<SocketAddr>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) store: Option<Hidden>,
    pub(crate) store_file: Option<PathBuf>,
    pub(crate) title: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) trusted_proxies: Option<Vec<String>>,
    pub(crate) start_url_aliases: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) tls: Tls,
    #[serde(default)]
    pub(crate) log: Log,
    #[serde(default)]
    pub(crate) oauth: Oauth,
    #[serde(default)]
    pub(crate) registration: Registration,
    #[serde(default)]
    pub(crate) lifetimes: Lifetimes,
    #[serde(default)]
    pub(crate) refresh: Refresh,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) credentials: Credentials,
    #[serde(default)]
    pub(crate) targets: BTreeMap<String, Target>,
    #[serde(default)]
    pub(crate) issuers: BTreeMap<String, Issuer>,
    #[serde(default)]
    pub(crate) applications: BTreeMap<String, Application>,
    #[serde(default)]
    pub(crate) workloads: BTreeMap<String, Workload>,
    #[serde(default)]
    pub(crate) session_policies: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) filter: Option<String>,
    pub(crate) format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth {
    pub(crate) require_pkce: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    pub(crate) allowed_origins: Option<Vec<String>>,
    pub(crate) reserved_names: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifetimes {
    pub(crate) client: Option<Span>,
    pub(crate) device_code: Option<Span>,
    pub(crate) authorization_code: Option<Span>,
    pub(crate) access_token: Option<Span>,
    pub(crate) session: Option<Span>,
    pub(crate) session_idle: Option<Span>,
    pub(crate) web_session: Option<Span>,
    pub(crate) web_session_idle: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    pub(crate) strict: Option<bool>,
    pub(crate) grace: Option<Span>,
    pub(crate) lost_answer: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) devices_per_network: Option<u32>,
    pub(crate) devices_per_client: Option<u32>,
    pub(crate) devices: Option<u32>,
    pub(crate) sign_ins_per_user: Option<u32>,
    pub(crate) sign_ins_per_network: Option<u32>,
    pub(crate) registrations_per_network: Option<u32>,
    pub(crate) sessions_per_user: Option<u32>,
    pub(crate) connections: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    pub(crate) cap_to_session: Option<bool>,
}

/// One STS endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    #[serde(default)]
    pub(crate) method: Method,
    pub(crate) audience: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<Hidden>,
    pub(crate) secret_access_key_file: Option<PathBuf>,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: Option<bool>,
    pub(crate) session_tags: Option<bool>,
}

/// Somebody whose assertions are taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) claim: Option<String>,
    #[serde(default)]
    pub(crate) matches: Matches,
    pub(crate) longest_life: Option<Span>,
    pub(crate) single_use: Option<bool>,
    pub(crate) audience: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) private: Option<bool>,
}

/// What of a person a claim is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Matches {
    /// What the person signs in with.
    #[default]
    UserName,
    /// The address.
    Email,
}

/// A client that the operator knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    pub(crate) title: Option<String>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) scopes: Vec<String>,
    pub(crate) client_secret: Option<Hidden>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) public: Option<bool>,
    pub(crate) skip_consent: Option<bool>,
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) id_token_signed_response_alg: SigningAlgorithm,
    #[serde(default)]
    pub(crate) redirect_uris: Vec<String>,
    #[serde(default)]
    pub(crate) audiences: BTreeMap<String, Vec<String>>,
}

/// A program that signs in by a token of its platform.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    pub(crate) issuer: String,
    pub(crate) claims: BTreeMap<String, String>,
    pub(crate) user: String,
}

/// A grant of an application, without the URN before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    AuthorizationCode,
    RefreshToken,
    DeviceCode,
    JwtBearer,
    TokenExchange,
    ClientCredentials,
}

/// How ID tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SigningAlgorithm {
    #[default]
    Es256,
    Rs256,
}

/// How a target gives credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// AssumeRole, signed with the server's identity.
    #[default]
    AssumeRole,
    /// AssumeRoleWithWebIdentity, with a token that Claviger signs.
    WebIdentity,
}

/// A secret of the file; never shown.
#[derive(Debug)]
pub(crate) struct Hidden(pub(crate) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// Reads the file at `path`; an unknown key or a wrong value is named with its line.
pub(crate) fn read(path: &Path) -> anyhow::Result<Configuration> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
    toml::from_str(&text)
        // The message alone: the parser's full text quotes the line, which may hold a secret.
        .map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let problem = with_key(&text, at, error.message());
            anyhow::anyhow!("line {}: {problem}", line_of(&text, at))
        })
        .with_context(|| format!("the configuration {} is not right", path.display()))
}

/// The line that holds the byte at `offset`, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// A parser's message about the value at `offset`, with the key that stands before it; a message
/// that names the key already stays as it is. Nothing of the value is repeated.
pub(crate) fn with_key(text: &str, offset: usize, message: &str) -> String {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    match line.split_once('=') {
        Some((key, _)) => format!("{}: {message}", key.trim()),
        None => message.to_owned(),
    }
}

/// A secret given in place or by its file, not both; a trailing line break of the file is no part
/// of it.
pub(crate) fn secret(
    key: &str,
    inline: Option<&Hidden>,
    file: Option<&Path>,
) -> anyhow::Result<Option<Secret>> {
    match (inline, file) {
        (Some(_), Some(_)) => bail!("give {key} or {key}_file, not both"),
        (Some(secret), None) => Ok(Some(secret.0.clone())),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("{key}_file {} cannot be read", path.display()))?;
            Ok(Some(Secret::from(text.trim_end_matches(['\r', '\n']))))
        }
    }
}
