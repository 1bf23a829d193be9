//! People and groups.

use unicode_normalization::UnicodeNormalization;

use crate::id::{Malformed, UserId};

/// What a person types to sign in, as the directory spells it: 1–128 characters, no control
/// characters, no surrounding spaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let count = text.chars().count();
        if !(1..=128).contains(&count) || text.trim() != text || text.chars().any(char::is_control)
        {
            return Err(Malformed {
                what: "user name",
                rule: "must be 1 to 128 characters without control characters or outer spaces",
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as the directory spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one canonical form under which a person is found and counted, whatever case or Unicode
    /// form was typed (SGN-05).
    pub fn key(&self) -> String {
        name_key(&self.0)
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The canonical form of a typed name: NFKC, lower case, NFKC again.
pub fn name_key(typed: &str) -> String {
    typed
        .trim()
        .nfkc()
        .flat_map(char::to_lowercase)
        .nfkc()
        .collect()
}

/// Whether a person may use the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// In good standing.
    Active,
    /// Stopped by an administrator; everything they hold is dead at once.
    Disabled,
}

impl UserState {
    /// The spelling in rows and in `admin` output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the spelling of [`UserState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A person of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never reused.
    pub id: UserId,
    /// What is typed to sign in.
    pub name: UserName,
    /// What pages call the person.
    pub display_name: String,
    /// Shown to the person; decides nothing.
    pub email: Option<String>,
    /// Whether the person may use the service.
    pub state: UserState,
    /// Raised to end everything the person holds: sessions carry the epoch they began under.
    pub epoch: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sgn_05_all_spellings_of_a_name_share_one_key() {
        let key = name_key("José");
        for spelling in ["JOSÉ", "Jose\u{301}", " josé ", "ＪＯＳＥ\u{301}"] {
            assert_eq!(name_key(spelling), key, "{spelling}");
        }
    }

    #[test]
    fn names_hold_no_control_characters_or_outer_spaces() {
        assert!(UserName::parse("a b@c").is_ok());
        for bad in ["", " a", "a ", "a\n", &"x".repeat(129)] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
