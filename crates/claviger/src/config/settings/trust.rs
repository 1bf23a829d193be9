//! Whose word is taken.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, bail};
use claviger_federation::issuers;
use claviger_model::{
    application::{ApplicationName, Attribute, IssuerName, IssuerRules, Workload},
    directory::UserName,
    time::Lifetime,
};

use crate::config::raw::{self, Configuration, Matches};

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
