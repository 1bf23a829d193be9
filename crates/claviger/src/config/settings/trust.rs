//! Whose word is taken, and which applications sign their calls.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, bail};
use claviger_federation::issuers;
use claviger_model::{
    application::{Application, ApplicationName, Attribute, IssuerName, IssuerRules, Workload},
    client::{Authentication, ClientMetadata, ClientName, Dialect, GrantType},
    directory::UserName,
    redirect_uri::RedirectUri,
    scope::ScopeSet,
    time::Lifetime,
};

use crate::config::raw::{self, Configuration, Grant, Matches};

/// The longest that an assertion may be good for where nothing is said (FED-13).
const LIFE: Lifetime = Lifetime::minutes(10);

/// Where the keys of an issuer are.
#[derive(Clone, Debug)]
pub(crate) struct IssuerAddress {
    pub(crate) name: IssuerName,
    pub(crate) url: String,
    /// Trusted in the place of what the machine trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether it may be in a private network.
    pub(crate) private: bool,
}

pub(super) fn addresses(file: &Configuration) -> anyhow::Result<Vec<IssuerAddress>> {
    let address = |(name, raw): (&String, &raw::Issuer)| {
        issuers::check(&raw.url).with_context(|| format!("issuers.{name}"))?;
        Ok(IssuerAddress {
            name: IssuerName::parse(name).with_context(|| format!("issuers.{name}"))?,
            url: raw.url.clone(),
            ca_file: raw.ca_file.clone(),
            private: raw.private.unwrap_or(false),
        })
    };
    let addresses: anyhow::Result<Vec<_>> = file.issuers.iter().map(address).collect();
    let addresses = addresses?;
    let mut urls: Vec<&str> = addresses.iter().map(|one| one.url.as_str()).collect();
    urls.sort_unstable();
    if let Some(url) = urls.windows(2).find(|pair| pair.first() == pair.last()) {
        bail!("issuers: {} is there twice; keep one of them", url.concat());
    }
    Ok(addresses)
}

pub(super) fn issuers(file: &Configuration) -> anyhow::Result<BTreeMap<IssuerName, IssuerRules>> {
    let rules = |(name, raw): (&String, &raw::Issuer)| {
        let longest_life = raw.longest_life.map_or(LIFE, |span| span.0);
        if !(Lifetime::minutes(1)..=Lifetime::days(1)).contains(&longest_life) {
            bail!("issuers.{name}: longest_life must be between 1m and 1d");
        }
        let rules = IssuerRules {
            claim: raw.claim.clone().unwrap_or_else(|| "sub".to_owned()),
            attribute: match raw.matches {
                Matches::UserName => Attribute::UserName,
                Matches::Email => Attribute::Email,
            },
            longest_life,
            single_use: raw.single_use.unwrap_or(true),
            audience: raw.audience.clone(),
        };
        let name = IssuerName::parse(name).with_context(|| format!("issuers.{name}"))?;
        Ok((name, rules))
    };
    file.issuers.iter().map(rules).collect()
}

pub(super) fn applications(file: &Configuration) -> anyhow::Result<Vec<Application>> {
    let application = |(name, raw): (&String, &raw::Application)| {
        application(file, name, raw).with_context(|| format!("applications.{name}"))
    };
    file.applications.iter().map(application).collect()
}

pub(super) fn workloads(file: &Configuration) -> anyhow::Result<Vec<Workload>> {
    let workload = |(name, raw): (&String, &raw::Workload)| {
        let read = || {
            let issuer = &raw.issuer;
            if !file.issuers.contains_key(issuer) {
                bail!("there is no issuer {issuer}; add [issuers.{issuer}]");
            }
            if raw.claims.values().any(String::is_empty) {
                bail!("claims must not be empty texts: those stand for what is no text");
            }
            if raw.claims.is_empty() {
                bail!("claims must name at least one, or every token of the issuer would do");
            }
            Ok(Workload {
                name: ApplicationName::parse(name)?,
                issuer: IssuerName::parse(issuer)?,
                claims: raw.claims.clone(),
                user: UserName::parse(&raw.user).context("user")?,
            })
        };
        read().with_context(|| format!("workloads.{name}"))
    };
    file.workloads.iter().map(workload).collect()
}

fn application(
    file: &Configuration,
    name: &str,
    raw: &raw::Application,
) -> anyhow::Result<Application> {
    let grant = |grant: &Grant| match grant {
        Grant::AuthorizationCode => GrantType::AuthorizationCode,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::JwtBearer => GrantType::JwtBearer,
        Grant::TokenExchange => GrantType::TokenExchange,
    };
    let grant_types: Vec<GrantType> = raw.grants.iter().map(grant).collect();
    let codes = grant_types.contains(&GrantType::AuthorizationCode);
    if codes == raw.redirect_uris.is_empty() {
        bail!("redirect_uris go with the grant authorization_code: give both, or neither");
    }
    let assertions = grant_types.contains(&GrantType::JwtBearer);
    if assertions == raw.audiences.is_empty() {
        bail!(
            "audiences go with the grant jwt_bearer: give both, or neither. They name an issuer and \
             what its assertions must be for, as in audiences = {{ okta = [\"reports\"] }}"
        );
    }
    let scopes = ScopeSet::parse(raw.scopes.iter().map(String::as_str)).context("scopes")?;
    if scopes.is_legacy() {
        bail!("scopes must name at least one, such as sso:account:access");
    }
    if let Some(policy) = scopes.session_policy()
        && !file.session_policies.contains_key(policy)
    {
        bail!("scopes: there is no session policy {policy}; add it to [session_policies]");
    }
    let redirect_uri = |text: &String| {
        RedirectUri::parse(text)
            .ok()
            .filter(|uri| uri.is_loopback() || uri.as_str().starts_with("https://"))
            .with_context(|| {
                format!(
                    "redirect_uris: {text} must be https, or http on 127.0.0.1, without a fragment"
                )
            })
    };
    let redirect_uris: anyhow::Result<Vec<_>> =
        raw.redirect_uris.iter().map(redirect_uri).collect();
    let audiences = |(issuer, audiences): (&String, &Vec<String>)| {
        if !file.issuers.contains_key(issuer) {
            bail!("audiences: there is no issuer {issuer}; add [issuers.{issuer}]");
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            bail!("audiences: {issuer} needs at least one, and none may be empty");
        }
        Ok((IssuerName::parse(issuer)?, audiences.clone()))
    };
    let audiences: anyhow::Result<BTreeMap<_, _>> = raw.audiences.iter().map(audiences).collect();
    Ok(Application {
        name: ApplicationName::parse(name)?,
        metadata: ClientMetadata {
            name: ClientName::parse(raw.title.as_deref().unwrap_or(name)).context("title")?,
            dialect: Dialect::Aws,
            authentication: Authentication::Secret,
            grant_types,
            scopes,
            redirect_uris: redirect_uris?,
        },
        audiences: audiences?,
    })
}
