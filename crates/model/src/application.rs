//! Applications: confidential clients that an operator configures, and the machine keys they sign
//! with (AWS CreateTokenWithIAM).

use std::collections::BTreeMap;

use crate::{
    client::ClientMetadata,
    id::Malformed,
    secret::Secret,
    time::{Lifetime, Timestamp},
};

/// What an operator calls an application: 1–64 of `[a-z0-9-]`. Keys are made out to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationName(String);

impl ApplicationName {
    /// Reads a lower-case name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                what: "application name",
                rule: "must be 1 to 64 lower-case letters, digits or dashes",
            })
        }
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
        let ApplicationName(name) = ApplicationName::parse(text).map_err(|error| Malformed {
            what: "issuer name",
            ..error
        })?;
        Ok(Self(name))
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
    fn application_names_can_stand_in_a_configuration_and_in_a_command() {
        assert!(ApplicationName::parse("reports-2").is_ok());
        for bad in ["", "Reports", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(ApplicationName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
