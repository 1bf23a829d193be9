//! Applications: clients that an operator configures, and the machine keys that they may sign with (AWS
//! CreateTokenWithIAM).

use std::collections::BTreeMap;

use crate::{
    client::ClientMetadata,
    directory::UserName,
    id::{Malformed, configured_name},
    secret::Secret,
    time::{Lifetime, Timestamp},
};

/// What an operator calls an application: 1–64 of `[a-z0-9-]`. Keys are made out to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationName(String);

impl ApplicationName {
    /// Reads a lower-case name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        configured_name("application name", text).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operator calls an issuer whose word is taken: spelled as an application's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerName(String);

impl IssuerName {
    /// Reads a lower-case name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        configured_name("issuer name", text).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for IssuerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far the word of a trusted issuer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRules {
    /// The claim that says who it is about.
    pub claim: String,
    /// What of our people it is compared with; one of them must match, and one only.
    pub attribute: Attribute,
    /// The longest an assertion may be good for.
    pub longest_life: Lifetime,
    /// Whether an assertion counts once: it must have an id then.
    pub single_use: bool,
    /// For whom the tokens of workloads must be; ourselves where left out.
    pub audience: Option<String>,
}

/// Which tokens of an issuer stand for a principal of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What the operator calls it; sessions show it as their client.
    pub name: ApplicationName,
    /// Who signs its tokens.
    pub issuer: IssuerName,
    /// What they must say, letter by letter; members of objects by their path, joined by `/`.
    pub claims: BTreeMap<String, String>,
    /// Whose assignments it has.
    pub user: UserName,
}

impl Workload {
    /// Whether an authentic token is one of this workload's.
    pub fn is_meant(&self, issuer: &IssuerName, claims: &BTreeMap<String, String>) -> bool {
        self.issuer == *issuer
            && !self.claims.is_empty()
            && self
                .claims
                .iter()
                .all(|(name, value)| claims.get(name) == Some(value))
    }
}

/// What an assertion names a person by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// What the person signs in with, in whatever case.
    UserName,
    /// The address, letter by letter.
    Email,
}

/// A configured application.
#[derive(Clone, Debug)]
pub struct Application {
    /// What the operator calls it.
    pub name: ApplicationName,
    /// What it may do, in the words of a client.
    pub metadata: ClientMetadata,
    /// What it shows to be itself where it does not sign.
    pub client_secret: Option<Secret>,
    /// Whether people who are signed in are sent back to it without being asked.
    pub skip_consent: bool,
    /// Whose assignments it has where it asks in its own name (RFC 6749 §4.4).
    pub user: Option<UserName>,
    /// Whose assertions it may present, and for whom they must be.
    pub audiences: BTreeMap<IssuerName, Vec<String>>,
}

/// Whether a machine key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineKeyState {
    /// In use.
    Active,
    /// Stopped by an administrator; the same as unknown to whoever signs with it.
    Disabled,
}

impl MachineKeyState {
    /// The spelling in rows and in `admin` output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the spelling of [`MachineKeyState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A machine key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineKey {
    /// What signatures name: 20 capital letters and digits.
    pub access_key_id: String,
    /// The one application that it signs for.
    pub application: ApplicationName,
    /// Whether it may be used.
    pub state: MachineKeyState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A machine key as it is told once, when it is made.
#[derive(Clone, Debug)]
pub struct NewMachineKey {
    /// The key.
    pub key: MachineKey,
    /// What signs; nobody is told it again.
    pub secret_access_key: Secret,
    /// The `clientId` that goes with it.
    pub client_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fed_13_a_workload_is_meant_by_all_its_claims_and_its_own_issuer() {
        let claims = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect::<BTreeMap<_, _>>()
        };
        let issuer = |name| IssuerName::parse(name).expect("a name");
        let mut workload = Workload {
            name: ApplicationName::parse("deploy").expect("a name"),
            issuer: issuer("github"),
            claims: claims(&[("repository", "acme/shop"), ("ref", "refs/heads/main")]),
            user: UserName::parse("deploy").expect("a name"),
        };
        let said = claims(&[
            ("repository", "acme/shop"),
            ("ref", "refs/heads/main"),
            ("more", "x"),
        ]);
        assert!(workload.is_meant(&issuer("github"), &said));
        assert!(!workload.is_meant(&issuer("gitlab"), &said));
        for other in [
            &[("repository", "acme/shop")][..],
            &[("repository", "acme/shop"), ("ref", "refs/heads/main2")],
            &[("repository", "ACME/shop"), ("ref", "refs/heads/main")],
            &[],
        ] {
            assert!(
                !workload.is_meant(&issuer("github"), &claims(other)),
                "{other:?}"
            );
        }
        workload.claims.clear();
        assert!(
            !workload.is_meant(&issuer("github"), &said),
            "everything of an issuer"
        );
    }

    #[test]
    fn application_names_can_stand_in_a_configuration_and_in_a_command() {
        assert!(ApplicationName::parse("reports-2").is_ok());
        for bad in ["", "Reports", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(ApplicationName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
